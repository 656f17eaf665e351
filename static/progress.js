// How far reading, checking or importing is: a stream of events read with
// fetch (which can send the session's header), or a question every two
// seconds where streams do not come through. When the phase changes, the
// page is asked for again.
import { call } from './frame.js';

const box = document.getElementById('progress');
const bar = box?.querySelector('progress');
const status = box?.querySelector('[role=status]');
const started = Date.now();
let announced = 0;
let over = false;

/** @param {{phase: string, done: number, all: number, texts: Record<string, string>}} p */
function show(p) {
  if (p.phase !== box.dataset.phase) { reload(); return; }
  bar.max = p.all || 1;
  bar.value = p.done;
  for (const place of box.querySelectorAll('[data-text]')) {
    const text = p.texts[place.dataset.text] ?? '';
    if (place.textContent !== text) place.textContent = text;
  }
  // Screen readers hear it every ten seconds, not every row.
  if (Date.now() - announced > 10000) {
    announced = Date.now();
    status.textContent = `${p.texts.state}. ${p.texts.done}`;
  }
}

function reload() {
  if (over) return;
  over = true;
  const form = document.getElementById('refresh');
  const button = form.querySelector(`button[formaction="/imports/${box.dataset.import}"]`);
  // A page that flickers by is worse than one that stays for a moment.
  setTimeout(() => form.requestSubmit(button), Math.max(0, 400 - (Date.now() - started)));
}

async function stream(url) {
  const answer = await call(url, { headers: { Accept: 'text/event-stream' } });
  if (!answer.ok || !answer.body) throw new Error(String(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done || over) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const event of events) if (event.startsWith('data: ')) show(JSON.parse(event.slice(6)));
  }
}

async function poll(url) {
  const answer = await call(url);
  if (answer.ok) show(await answer.json());
  else if (answer.status === 404 || answer.status === 401) reload();
}

async function watch() {
  const base = `/imports/${box.dataset.import}`;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let streams = true;
  while (!over) {
    if (streams) {
      const began = Date.now();
      try { await stream(`${base}/stream`); } catch { streams = false; }
      // A proxy that holds streams back ends them at once or never speaks.
      if (Date.now() - began < 500) streams = false;
    } else {
      try { await poll(`${base}/progress`); } catch { /* the network is away: ask again */ }
      await pause(2000);
    }
  }
}

if (box && !('ended' in box.dataset)) watch();
