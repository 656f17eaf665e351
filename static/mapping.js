// Step 3: a change is sent to the server, and what follows from it is shown
// without leaving the page: options, questions, what is taken, what is
// missing. Without scripts a button does the same.
import { call, session } from './frame.js';

const form = document.getElementById('mapping');
let which = 'all';
let asking = 0;

/** Rows that the filter leaves. */
function filter() {
  for (const row of form.querySelectorAll('tr[data-column]')) {
    const value = row.querySelector('select[name^="field."]').value;
    row.hidden = which === 'undecided' ? value !== '?' : which === 'none' && value !== '' && value !== '?';
  }
  for (const button of form.querySelectorAll('[data-filter]')) button.setAttribute('aria-pressed', String(button.dataset.filter === which));
}

/** Puts new content into an element, and the focus back where it was. */
function replace(page, id) {
  const [now, next] = [document.getElementById(id), page.getElementById(id)];
  if (!now || !next || now.isEqualNode(next)) return;
  const open = [...now.querySelectorAll('tr[data-column] details[open]')].map((d) => d.closest('tr').dataset.column);
  const focus = now.contains(document.activeElement) ? document.activeElement : null;
  if (id === 'mapped') now.textContent = next.textContent;
  else now.replaceChildren(...next.childNodes);
  for (const column of open) now.querySelector(`tr[data-column="${column}"] details`)?.setAttribute('open', '');
  if (focus) {
    const same = focus.id ? document.getElementById(focus.id) : now.querySelector(`button[value="${CSS.escape(focus.value ?? '')}"]`);
    same?.focus({ preventScroll: true });
  }
}

/** Asks the server what follows from the form; only the last answer counts. */
async function refresh(does, into) {
  const mine = ++asking;
  const body = new URLSearchParams(new FormData(form));
  body.set('_s', session());
  body.set('do', does);
  const before = String(new URLSearchParams(new FormData(form)));
  const answer = await call(form.action, { method: 'POST', body, headers: { Accept: 'text/html' } });
  if (mine !== asking) return;
  if (String(new URLSearchParams(new FormData(form))) !== before) { await refresh(does, into); return; } // typed meanwhile
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  if (!page.getElementById('mapping')) { form.requestSubmit(); return; } // another page: show it
  for (const id of ['needs-list', 'mapped', 'columns', 'files', 'constants']) replace(page, id);
  filter();
  const target = into && document.getElementById(into);
  if (target) target.focus();
}

if (form) {
  form.addEventListener('change', (event) => {
    const name = event.target.name ?? '';
    if (/^(field|date|decimal|group|currency|percent|list|blank|excel|constant)\./.test(name)) refresh('refresh').catch(() => { /* the form itself asks when it is sent */ });
  });
  form.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.filter) { which = button.dataset.filter; filter(); return; }
    const [does, of] = (button?.value ?? '').split(':');
    if (!['constant', 'remove', 'add', 'find'].includes(does) || button.form !== form) return;
    event.preventDefault();
    const field = does === 'add' ? form.elements.new_field.value : of;
    const into = does === 'remove' ? 'new-field' : does === 'find' ? undefined : `constant-${field}`;
    refresh(button.value, into).catch(() => form.submit());
  });
  // The enter key in a search for a person searches.
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !event.target.name?.startsWith('who.')) return;
    event.preventDefault();
    event.target.parentElement.querySelector('button').click();
  });
}
