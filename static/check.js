// Findings: the field for another value is there only when it is asked for,
// and long lists are windowed: only the findings in sight are in the page,
// the answers are kept here and sent with the form.
import { call } from './frame.js';

const box = document.getElementById('findings');
const form = document.getElementById('decide');
const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');
const PAGE = 200;

/** Shows the other value only for "use another value". @param {HTMLSelectElement} select */
function reveal(select) {
  const place = select.closest('.finding').querySelector('[data-with]');
  if (!place) return;
  place.hidden = select.value !== 'use';
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** The windowed list, in place of the server's pages. @param {number} all */
async function windowed(all) {
  const pages = new Map();
  const answers = new Map();
  const spacer = element('div', { className: 'spacer' });
  const view = element('div', { className: 'window', tabIndex: 0, role: 'list', ariaLabel: words.list }, spacer);
  const shown = new Map();

  // Every finding is as high as the highest one seen so far.
  const LEAST = 96;
  let height = LEAST;
  const place = (made, n) => Object.assign(made.style, { insetBlockStart: `${n * height}px`, blockSize: `${height}px` });
  /** Gives findings room for what they hold now; what is in sight stays. */
  const fit = (findings, least = height) => {
    for (const made of findings) made.style.blockSize = '';
    const most = Math.max(least, ...findings.map((made) => Math.ceil(made.getBoundingClientRect().height)));
    const at = view.scrollTop / height;
    const same = most === height;
    height = most;
    for (const [n, made] of shown) if (!same || findings.includes(made)) place(made, n);
    spacer.style.blockSize = `${all * height}px`;
    if (!same) view.scrollTop = at * height;
  };

  const load = (page) => {
    if (!pages.has(page)) {
      if (pages.size > 12) pages.delete(pages.keys().next().value);
      pages.set(page, call(`/imports/${box.dataset.import}/findings?from=${page * PAGE}&n=${PAGE}`)
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer))).then((body) => body.findings)
        .catch(() => { pages.delete(page); return []; }));
    }
    return pages.get(page);
  };

  const item = (f) => {
    const select = element('select', { ariaLabel: words.what });
    const rest = { repeated: [['first', words.keep_first], ['last', words.keep_last], ['none', words.keep_none]],
      wide: [['empty', words.without_cells], ['skip', words.skip]] }[f.kind];
    const choices = [['', f.kind === 'repeated' ? words.undecided : f.blocks ? words.leave_out : words.as_is], ...(rest ?? [...(f.closest ? [['closest', words.use.replace('{value}', f.closest)]] : []),
      ...(f.choices ?? []).map(([id, label]) => [`=${id}`, words.use.replace('{value}', label)]),
      ['use', words.with], ...(f.needed ? [] : [['empty', words.leave_empty]]), ['skip', words.skip]])];
    for (const [value, text] of choices) select.append(element('option', { value, textContent: text }));
    const other = element('input', { type: 'text', dir: 'auto', ariaLabel: words.with });
    const kept = answers.get(f.n);
    select.value = kept?.action ?? '';
    other.value = kept?.with ?? '';
    other.hidden = select.value !== 'use';
    const keep = () => {
      other.hidden = select.value !== 'use';
      fit([made]);
      answers.set(f.n, { column: f.column, value: f.value, closest: f.closest ?? '', action: select.value, with: other.value });
    };
    select.addEventListener('change', keep);
    other.addEventListener('input', keep);
    const head = element('div', { className: 'row' },
      element('span', { className: 'strong', dir: 'auto', textContent: f.title }),
      element('span', { className: 'value clip', dir: 'auto', textContent: f.value }),
      element('button', { className: 'text flat num', name: 'filter', value: `f:${f.id}`, textContent: f.where, title: words.see_rows }),
      ...(f.links ?? []).slice(0, 3).map(([href, textContent]) => element('a', { href, textContent, target: '_blank', rel: 'noopener', className: 'clip' })));
    head.querySelector('button').setAttribute('form', 'see-rows');
    const made = element('div', { className: 'finding', role: 'listitem' }, head, element('p', { className: 'say', textContent: f.text, title: f.text }));
    made.setAttribute('aria-posinset', String(f.n + 1));
    made.setAttribute('aria-setsize', String(all));
    const suggested = f.closest ? [element('button', { className: 'btn small tint', name: 'do', value: `suggest:${f.id}`, textContent: words.use.replace('{value}', f.closest) })] : [];
    if (f.column >= 0 || f.kind) made.append(element('div', { className: 'row' }, ...suggested, element('div', { className: 'field decision' }, select), element('div', { className: 'field decision' }, other)));
    return made;
  };

  const draw = async () => {
    const first = Math.max(0, Math.floor(view.scrollTop / height) - 5);
    const last = Math.min(all - 1, Math.ceil((view.scrollTop + view.clientHeight) / height) + 5);
    for (const [n, made] of shown) if ((n < first || n > last) && !made.contains(document.activeElement)) { made.remove(); shown.delete(n); }
    const fresh = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      for (const f of await load(page)) {
        if (f.n < first || f.n > last || shown.has(f.n)) continue;
        shown.set(f.n, item(f));
        spacer.append(shown.get(f.n));
        fresh.push(shown.get(f.n));
      }
    }
    fit(fresh);
  };

  // The server's first page stays until there is something to show.
  if ((await load(0)).length === 0) return;
  form.querySelector('nav')?.remove();
  form.querySelector(':scope > .stack').replaceWith(view);
  form.classList.remove('findings');
  spacer.style.blockSize = `${all * height}px`;
  box.querySelector('[data-pages]')?.remove();
  view.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  let width = view.clientWidth;
  new ResizeObserver(() => {
    if (view.clientWidth === width) return;
    width = view.clientWidth;
    fit([...shown.values()], LEAST);
    draw();
  }).observe(view);
  form.addEventListener('formdata', (event) => {
    for (const [n, a] of answers) {
      for (const name of ['column', 'value', 'closest', 'action', 'with']) event.formData.append(`${name}.${n}`, String(a[name]));
    }
  });
  draw();
}

if (box && form) {
  const all = Number(box.dataset.all);
  if (all > Number(box.dataset.page)) windowed(all);
  for (const select of form.querySelectorAll('select[name^="action."]')) reveal(select);
  form.addEventListener('change', (event) => { if (event.target.name?.startsWith('action.')) reveal(event.target); });
}
