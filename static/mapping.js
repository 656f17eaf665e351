// Step 3: a change is sent to the server, and what follows from it is shown
// without leaving the page: options, questions, what is taken, what is
// missing. Without scripts a button does the same.
import { call, session } from './frame.js';

const form = document.getElementById('mapping');
const find = document.getElementById('find-column');
let asking = 0;
// Rows that were decided under a filter stay until another one is chosen.
let changed = new Set();

/** What was decided on a row. @param {string} value */
const decision = (value) => (value === '?' ? 'undecided' : value === '' ? 'none' : 'mapped');

/** Rows that the filter, or what is searched for, leaves. */
function filter() {
  const which = form.elements.show.value;
  const sought = find?.value.trim().toLowerCase() ?? '';
  let left = false;
  for (const row of form.querySelectorAll('tr[data-column]')) {
    const select = row.querySelector('select[name^="field."]');
    const text = `${row.querySelector('.name').textContent} ${select.selectedOptions[0]?.value ? select.selectedOptions[0].text : ''}`.toLowerCase();
    row.hidden = sought ? !text.includes(sought)
      : which !== 'all' && decision(select.value) !== which && !changed.has(row.dataset.column) && select.ariaInvalid !== 'true';
    left ||= row.hidden;
  }
  document.getElementById('left').hidden = !left;
  for (const button of form.querySelectorAll('#filter [data-filter]')) button.setAttribute('aria-pressed', String(!sought && button.dataset.filter === which));
}

/** Gives a short list the fields it lacks, from the page's one list of all. @param {EventTarget} select */
function complete(select) {
  if (!(select instanceof HTMLSelectElement) || !('short' in select.dataset)) return;
  delete select.dataset.short;
  select.querySelector('option[value="+"]').remove();
  const has = new Set(Array.from(select.options, (option) => option.value));
  const all = document.getElementById('all-fields').content.cloneNode(true);
  for (const option of all.querySelectorAll('option')) if (has.has(option.value)) option.remove();
  select.append(all);
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
  if (answer.status >= 500 && does === 'refresh') return; // over in a moment, perhaps: what was typed stays
  if (!page.getElementById('mapping')) { form.requestSubmit(form.querySelector('button[value=refresh]')); return; } // another page: show it
  for (const id of ['needs-list', 'mapped', 'filter', 'columns', 'files', 'constants']) replace(page, id);
  filter();
  const target = into && document.getElementById(into);
  if (target) target.focus();
}

if (form) {
  form.addEventListener('change', (event) => {
    const name = event.target.name ?? '';
    const row = event.target.closest('tr[data-column]');
    if (row) changed.add(row.dataset.column);
    if (/^(field|date|decimal|group|currency|percent|list|blank|excel|constant)\./.test(name)) refresh('refresh').catch(() => { /* the form itself asks when it is sent */ });
  });
  form.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.filter) {
      event.preventDefault();
      form.elements.show.value = button.dataset.filter;
      changed = new Set();
      if (find) find.value = '';
      filter();
      return;
    }
    const [does, of] = (button?.value ?? '').split(':');
    if (!['constant', 'remove', 'add', 'find'].includes(does) || button.form !== form) return;
    event.preventDefault();
    const field = does === 'add' ? form.elements.new_field.value : of;
    const into = does === 'remove' ? 'new-field' : does === 'find' ? undefined : `constant-${field}`;
    refresh(button.value, into).catch(() => form.requestSubmit(button));
  });
  for (const when of ['pointerdown', 'focusin']) form.addEventListener(when, (event) => complete(event.target));
  find?.addEventListener('input', filter);
  find?.addEventListener('keydown', (event) => { if (event.key === 'Enter') event.preventDefault(); });
  // The enter key in a search for a person searches.
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !event.target.name?.startsWith('who.')) return;
    event.preventDefault();
    event.target.parentElement.querySelector('button').click();
  });
}
