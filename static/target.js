// Step 2: searching among the smart processes, and the pipelines and stages
// of the one that is chosen, without leaving the page.
import { call, session } from './frame.js';

const form = document.getElementById('target');
const search = document.getElementById('search');

/** Replaces the settings by those of the choice in the form. */
async function refresh() {
  const body = new URLSearchParams(new FormData(form));
  body.set('_s', session());
  const answer = await call(form.dataset.show, { method: 'POST', body, headers: { Accept: 'text/html' } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const settings = page.getElementById('settings');
  if (!settings || new URLSearchParams(new FormData(form)).get('type') !== body.get('type')) return;
  document.getElementById('settings').replaceChildren(...settings.childNodes);
  form.elements.shown.value = page.querySelector('input[name=shown]')?.value ?? '';
}

function find() {
  const wanted = search.value.trim().toLocaleLowerCase();
  let found = 0;
  for (const choice of form.querySelectorAll('[data-find]')) {
    choice.hidden = !choice.dataset.find.toLocaleLowerCase().includes(wanted);
    if (!choice.hidden) found++;
  }
  for (const group of form.querySelectorAll('.group')) {
    group.hidden = !group.nextElementSibling.querySelector('[data-find]:not([hidden])');
  }
  document.getElementById('nothing-found').hidden = found > 0;
}

if (form) {
  form.addEventListener('change', (event) => {
    if (event.target.name !== 'type' && event.target.name !== 'pipeline') return;
    if (event.target.name === 'type') {
      const why = document.getElementById('why');
      if (why) why.hidden = true;
      // The pipeline in the form belongs to another smart process.
      form.elements.pipeline?.remove?.();
    }
    refresh().catch(() => { /* the form itself asks again when it is sent */ });
  });
  search?.addEventListener('input', find);
  search?.addEventListener('keydown', (event) => { if (event.key === 'Enter') event.preventDefault(); });
}
