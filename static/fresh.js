// What stands around the table of rows follows the corrections made in it: the
// counts, the tabs, the filter and the button, once the check that a
// correction begins is over. Leaving the page waits for corrections that are
// still on their way.
import { call, session } from './frame.js';

const box = document.getElementById('rows');
export const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');
const places = ['plan', 'tabs', 'filter', 'next'];
const under = new Set();
let turn = 0;

/** Keeps a correction in mind until its rows are judged, or it was refused. @param {Promise<boolean>} saving */
export async function follow(saving) {
  const whole = saving.then(async (kept) => { if (kept) await renew(); return kept; });
  under.add(whole);
  await whole;
  under.delete(whole);
}

/** Asks until the rows are judged again, and takes what the page then says. */
async function renew() {
  const mine = ++turn;
  const place = document.getElementById('saved');
  place.textContent = words.counting;
  try {
    for (let wait = 100; ; wait = Math.min(wait * 1.5, 2000)) {
      const { phase } = await (await call(`/imports/${box.dataset.import}/progress`)).json();
      if (mine !== turn) return;
      if (phase !== 'checking') break;
      await later(wait);
    }
    const body = new URLSearchParams({ _s: session(), tab: 'rows', filter: box.dataset.filter });
    const answer = await call(`/imports/${box.dataset.import}/check`, { method: 'POST', body, headers: { Accept: 'text/html' } });
    if (!answer.ok || mine !== turn) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of places) {
      const [old, now] = [document.getElementById(id), page.getElementById(id)];
      if (old && now && !old.isEqualNode(now)) old.replaceChildren(...now.childNodes);
    }
  } catch { /* the network is away: the page that is opened next says it */ }
  if (mine === turn) place.textContent = words.cell_saved;
}

const later = (ms) => new Promise((resolve) => { setTimeout(resolve, ms, []); });

// A long file is not waited for to the end: the next page says how far it is.
document.addEventListener('submit', async (event) => {
  if (under.size === 0) return;
  const { target: form, submitter } = event;
  event.preventDefault();
  event.stopImmediatePropagation();
  const kept = await Promise.race([Promise.all(under), later(15_000)]);
  under.clear();
  if (!kept.every(Boolean)) return;
  const same = (b) => b.type === 'submit' && b.name === submitter.name && b.value === submitter.value && b.formAction === submitter.formAction;
  const button = submitter?.isConnected ? submitter : [...form.elements].find(same);
  if (button || !submitter) form.requestSubmit(button);
}, true);
