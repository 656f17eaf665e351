// The table of rows: a window over all rows of a filter, in the ARIA grid
// pattern. Arrows move, Enter edits, Esc cancels; what a cell says, how it was
// understood and why stands under the table, wherever the person is.
import { call } from './frame.js';
import { follow, words } from './fresh.js';

const box = document.getElementById('rows');
const HEIGHT = 37;
const PAGE = 100;
const kinds = { created: 'good', updated: 'info', unchanged: '', skipped: 'warn', failed: 'bad' };

const make = (name, properties = {}, ...children) => { const made = Object.assign(document.createElement(name), properties); made.append(...children); return made; };

/** The grid in place of the server's pages. @param {HTMLElement} old @param {object} first */
function grid(old, first) {
  const { columns, all } = first;
  const [pages, shown] = [new Map([[0, Promise.resolve(first.rows)]]), new Map()];
  const [number, plan, cell] = matchMedia('(max-width: 760px)').matches ? [60, 140, 130] : [84, 150, 170];
  const template = `${number}px ${plan}px repeat(${columns.length}, minmax(${cell}px, 1fr))`;
  let [at, editing] = [{ row: 0, col: 2 }, false];

  const head = make('div', { className: 'sheet-row sheet-head', role: 'row' }, ...[words.row, words.row_plan, ...columns.map((c) => c.name)]
    .map((text) => make('div', { role: 'columnheader', className: 'clip', dir: 'auto', textContent: text, title: text })));
  head.style.gridTemplateColumns = template;
  const spacer = make('div', { className: 'spacer', role: 'rowgroup' });
  const view = make('div', { className: 'window sheet', role: 'grid', ariaLabel: words.rows_grid, ariaRowCount: all + 1, ariaColCount: columns.length + 2 }, make('div', { role: 'rowgroup', className: 'sheet-top' }, head), spacer);
  view.style.setProperty('--wide', `${number + plan + columns.length * cell}px`);
  spacer.style.blockSize = `${all * HEIGHT}px`;
  const about = make('div', { className: 'about stack-s' }, make('p', { className: 'soft', textContent: words.cell_help }));
  const status = make('p', { className: 'soft line', id: 'saved', role: 'status' });
  old.replaceWith(view, about, status);
  box.querySelector('[data-pages]')?.remove();

  const load = (page) => {
    if (!pages.has(page)) {
      if (pages.size > 12) pages.delete(pages.keys().next().value);
      pages.set(page, call(`/imports/${box.dataset.import}/rows?filter=${box.dataset.filter}&from=${page * PAGE}&n=${PAGE}`)
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer))).then((body) => body.rows).catch(() => { pages.delete(page); return []; }));
    }
    return pages.get(page);
  };

  /** A cell as it will be, and what the item holds now, where that differs. */
  const say = (c) => [c.t, ...(c.o ? [make('span', { className: 'soft', textContent: ` ← ${c.o}`, title: words.cell_old })] : [])];
  const rowOf = (n, r) => {
    const row = make('div', { className: 'sheet-row', role: 'row', ariaRowIndex: n + 2 });
    row.style.insetBlockStart = `${n * HEIGHT}px`;
    row.style.gridTemplateColumns = template;
    const cells = [make('div', { role: 'rowheader', className: 'no', textContent: String(r.n) }),
      make('div', { role: 'gridcell' }, make('span', { className: `badge ${kinds[r.s]}`, textContent: r.l })),
      ...r.c.map((c) => make('div', { role: 'gridcell', dir: 'auto',
        className: `clip${c.p ? (c.b ? ' bad' : ' warn') : ''}${c.f !== undefined ? ' edited' : ''}` }, ...say(c)))];
    cells.forEach((cell, col) => {
      cell.tabIndex = n === at.row && col === at.col ? 0 : -1;
      Object.assign(cell, { ariaColIndex: col + 1, ariaInvalid: r.c[col - 2]?.b ? 'true' : null });
      cell.addEventListener('focus', () => { at = { row: n, col }; for (const other of view.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1; cell.tabIndex = 0; explain(r, col); });
      cell.addEventListener('mouseenter', () => { if (!editing) explain(r, col); });
      if (col > 1) cell.addEventListener('dblclick', () => edit(cell));
    });
    row.append(...cells);
    return row;
  };
  /** Says what a cell is: read, understood, why. */
  const explain = (r, col) => {
    const c = r.c[col - 2];
    const line = (label, text) => make('p', {}, make('span', { className: 'soft', textContent: `${label} ` }), make('bdi', { textContent: text }));
    const lines = [make('p', { className: 'strong' }, `${words.row} ${r.n}`, ...(c ? [' · ', make('bdi', { textContent: columns[col - 2].name })] : []))];
    if (!c) lines.push(make('p', { textContent: r.w ?? r.l }));
    else {
      lines.push(line(words.cell_in_file, c.f ?? c.t), line(words.cell_understood, c.u || words.cell_empty));
      if (c.o) lines.push(line(words.cell_old, c.o));
      if (c.w?.length) lines.push(line(words.cell_why, c.w.join('; ')));
      if (c.p) lines.push(make('p', { className: c.b ? 'err' : '', textContent: c.p }));
      if (c.f !== undefined) lines.push(make('div', {}, make('button', { type: 'button', className: 'btn small', textContent: words.cell_undo, onclick: () => follow(save(r, col, c.f)) })));
    }
    about.replaceChildren(...lines);
  };
  const cellAt = () => shown.get(at.row)?.children[at.col];
  const edit = (cell) => {
    if (editing || !cell || at.col < 2) return;
    const r = shown.get(at.row).data;
    const input = make('input', { type: 'text', dir: 'auto', value: r.typed?.col === at.col ? r.typed.text : r.c[at.col - 2].t, ariaLabel: `${words.cell_edit}: ${columns[at.col - 2].name}` });
    editing = true;
    cell.replaceChildren(input);
    input.focus(); input.select(); const { col } = at;
    const end = (keep) => {
      if (!editing) return;
      const changed = keep && input.value !== r.c[col - 2].t;
      editing = false;
      cell.replaceChildren(...say(changed ? { t: input.value } : r.c[col - 2]));
      if (changed) follow(save(r, col, input.value));
    };
    input.addEventListener('blur', () => end(true));
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Enter' || event.key === 'Escape') { event.preventDefault(); end(event.key === 'Enter'); cell.focus(); }
    });
  };
  /** Saves a cell; false: it was not taken, and the table says why. */
  const save = async (r, col, text) => {
    let kept = true;
    [status.textContent, r.typed] = ['', undefined];
    try {
      const answer = await call(`/imports/${box.dataset.import}/cell`, { method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, keepalive: text.length < 8000, body: new URLSearchParams({ index: r.i, column: columns[col - 2].column, text }) });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.problem);
      Object.assign(r, body.rows[0]);
      status.textContent = words.cell_saved;
    } catch (problem) { [kept, r.typed] = [false, { col, text }]; status.textContent = (problem.name === 'Error' && problem.message) || words.cell_failed; }
    for (const [n, row] of [...shown]) if (row.data === r) { const focused = row.contains(document.activeElement); row.remove(); shown.delete(n); place(n, r); if (focused) cellAt()?.focus({ preventScroll: true }); }
    return kept;
  };
  const place = (n, r) => { const row = Object.assign(rowOf(n, r), { data: r }); shown.set(n, row); spacer.insertBefore(row, shown.get(Math.min(...[...shown.keys()].filter((k) => k > n))) ?? null); };
  const draw = async () => {
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - 8);
    const last = Math.min(all - 1, Math.ceil((view.scrollTop + view.clientHeight) / HEIGHT) + 8);
    for (const [n, row] of shown) if ((n < first || n > last) && !row.contains(document.activeElement)) { row.remove(); shown.delete(n); }
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      (await load(page)).forEach((r, i) => { const n = page * PAGE + i; if (n >= first && n <= last && !shown.has(n)) place(n, r); });
    }
  };
  const move = async (row, col) => {
    at = { row: Math.min(all - 1, Math.max(0, row)), col: Math.min(columns.length + 1, Math.max(0, col)) };
    const top = at.row * HEIGHT;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + 2 * HEIGHT > view.scrollTop + view.clientHeight) view.scrollTop = top + 2 * HEIGHT - view.clientHeight;
    await draw();
    cellAt()?.focus();
  };
  view.addEventListener('keydown', (event) => {
    const page = Math.max(1, Math.floor(view.clientHeight / HEIGHT) - 2);
    const to = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0] }[event.key];
    if (to) move(at.row + to[0], at.col + to[1] * (document.dir === 'rtl' ? -1 : 1));
    else if (event.key === 'Home') move(event.ctrlKey ? 0 : at.row, 0);
    else if (event.key === 'End') move(event.ctrlKey ? all - 1 : at.row, columns.length + 1);
    else if (event.key === 'Enter' || event.key === 'F2') edit(cellAt());
    else return;
    event.preventDefault();
  });
  view.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  draw();
}

const old = box?.querySelector('.scroll');
if (old) {
  box.querySelector('#filter').addEventListener('change', (event) => event.target.form.submit());
  box.querySelector('form button').hidden = true;
  call(`/imports/${box.dataset.import}/rows?filter=${box.dataset.filter}&from=0&n=${PAGE}`).then((answer) => answer.json()).then((body) => { if (body.rows?.length) grid(old, body); }).catch(() => {});
}
