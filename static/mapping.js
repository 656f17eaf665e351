// Step 3: what is matched so far, which fields are taken, which required
// ones are missing. The server judges it again when the form is sent.
const form = document.getElementById('mapping');
const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');
const say = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = (n) => new Intl.NumberFormat(document.documentElement.lang).format(n);

const rows = form ? [...form.querySelectorAll('tr[data-column]')].map((row) => ({
  row,
  select: row.querySelector('select[name^="field."]'),
  name: row.querySelector('.name').textContent,
  status: row.querySelector('[data-status]'),
  first: row.querySelector('select[name^="field."]').value,
})) : [];

/** Fields that take one value may be chosen once: the others show who has them. */
function markTaken() {
  const taken = new Map();
  for (const r of rows) if (r.select.value && !r.select.selectedOptions[0].hasAttribute('data-multiple')) taken.set(r.select.value, r.name);
  for (const r of rows) {
    for (const option of r.select.options) {
      option.dataset.title ??= option.textContent;
      const by = option.value !== r.select.value ? taken.get(option.value) : undefined;
      option.textContent = by ? `${option.dataset.title} – ${say('used_by', { column: by })}` : option.dataset.title;
      option.disabled = Boolean(by);
    }
  }
}

function markNeeds() {
  const by = new Map(rows.filter((r) => r.select.value).map((r) => [r.select.value, r.name]));
  for (const item of form.querySelectorAll('[data-need]')) {
    const field = item.dataset.need;
    const text = item.querySelector('[data-by]');
    text.dataset.given ??= text.textContent;
    const constant = form.elements[`constant.${field}`]?.value;
    const column = by.get(field) ?? constant;
    const elsewhere = !rows.some((r) => r.first === field) && item.classList.contains('good') && text.dataset.elsewhere !== 'no';
    if (column) { text.textContent = `: ${column}`; item.classList.replace('bad', 'good'); }
    else if (!elsewhere) { text.textContent = `: ${words.missing}`; item.classList.replace('good', 'bad'); text.dataset.elsewhere = 'no'; }
  }
}

function count() {
  const n = rows.filter((r) => r.select.value).length;
  document.getElementById('mapped').textContent = say('matched', { n: number(n), all: number(rows.length) });
}

/** What stood in the last column spoke of the field that was there. */
function forget(r) {
  const same = r.select.value === r.first;
  for (const details of r.row.querySelectorAll('details, .options.asked, .err, [data-hint]')) details.hidden = !same;
  r.status.querySelector('[data-given]').hidden = !same;
  r.status.querySelector('[data-mine]').hidden = same || !r.select.value;
  r.status.querySelector('[data-none]').hidden = same || Boolean(r.select.value);
}

function filter(which) {
  for (const r of rows) r.row.hidden = which === 'undecided' && r.select.value !== '';
  for (const button of form.querySelectorAll('[data-filter]')) button.setAttribute('aria-pressed', String(button.dataset.filter === which));
}

if (form) {
  form.addEventListener('change', (event) => {
    const r = rows.find((one) => one.select === event.target);
    if (r) forget(r);
    if (r || event.target.name?.startsWith('constant.')) { markTaken(); markNeeds(); count(); }
  });
  form.addEventListener('click', (event) => {
    const button = event.target.closest('[data-filter]');
    if (button) filter(button.dataset.filter);
  });
  markTaken();
}
