// The portal around us: a small client of the postMessage protocol that
// Bitrix24 frames speak (contract, section 8.5). The portal drops what it
// does not allow without an answer, so nothing here ever waits for one
// without a limit, and nothing but refreshed tokens depends on one.

const waiting = new Map();
const [host, secure, sid] = window.name.split('|');
export const framed = window.parent !== window && Boolean(host && sid);
const portal = framed ? (secure === '1' ? 'https://' : 'http://') + host.replace(/:(80|443)$/, '') : '';

/** The session token of this page; it lives in memory and in the page only. */
export const session = () => document.querySelector('meta[name=app-session]')?.content ?? '';

/**
 * Sends a command; resolves with the answer, or with undefined after ms
 * without one (0: does not listen for one).
 * @param {string} command @param {object} [params] @param {number} [ms]
 */
export function send(command, params, ms = 0) {
  if (!framed) return Promise.resolve(undefined);
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  const answer = ms === 0 ? Promise.resolve(undefined) : new Promise((resolve) => {
    waiting.set(id, resolve);
    setTimeout(() => { waiting.delete(id); resolve(undefined); }, ms);
  });
  const text = params === undefined ? '' : JSON.stringify(params);
  window.parent.postMessage(`${command}:${text}:${id}:${sid}`, portal);
  return answer;
}

window.addEventListener('message', (event) => {
  if (!framed || event.source !== window.parent || event.origin !== portal || typeof event.data !== 'string') return;
  const at = event.data.indexOf(':');
  const resolve = waiting.get(event.data.slice(0, at));
  if (at < 0 || !resolve) return;
  waiting.delete(event.data.slice(0, at));
  const body = event.data.slice(at + 1);
  try { resolve(body === '' ? {} : JSON.parse(body)); } catch { resolve(undefined); }
});

export const getInitData = () => send('getInitData', undefined, 5000);
export const setTitle = (title) => send('setTitle', { title });
export const installFinish = () => send('setInstallFinish', {});
export const closeApplication = () => send('closeApplication', {});
/** Opens a page of the portal; the answer comes when it is closed again, or never. */
export const openPath = (path) => send('openPath', { path });

/** New tokens from the portal, or null. The portal is silent when it cannot. */
export async function refreshAuth() {
  const tokens = await send('refreshAuth', {}, 10000);
  return tokens?.AUTH_ID ? tokens : null;
}

/**
 * Renews the session before it ends, and takes the new token into the page.
 * @returns {Promise<boolean>}
 */
export async function renewSession() {
  const tokens = await refreshAuth();
  if (!tokens) return false;
  try {
    const answer = await fetch('/session/renew', {
      method: 'POST',
      headers: { 'X-App-Session': session(), 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ AUTH_ID: tokens.AUTH_ID, AUTH_EXPIRES: tokens.AUTH_EXPIRES ?? '', REFRESH_ID: tokens.REFRESH_ID ?? '' }),
    });
    if (!answer.ok) return false;
    adopt((await answer.json()).token);
    return true;
  } catch {
    return false;
  }
}

/** Renews the session in time. A computer that sleeps stops the clock: then as soon as the person is back. */
function keepSession() {
  const often = 40 * 60 * 1000;
  let last = Date.now();
  const renew = () => { last = Date.now(); renewSession(); };
  setInterval(renew, often);
  for (const [target, name] of [[document, 'visibilitychange'], [window, 'focus'], [document, 'pointerdown']]) {
    target.addEventListener(name, () => { if (!document.hidden && Date.now() - last > often) renew(); });
  }
}

/** Puts a new token where scripts and forms take it from. @param {string} token */
function adopt(token) {
  if (!token) return;
  document.querySelector('meta[name=app-session]')?.setAttribute('content', token);
  for (const field of document.querySelectorAll('input[name=_s]')) field.value = token;
}

/** fetch with our session; renews it once when it has ended. @param {string} url @param {RequestInit} [options] */
export async function call(url, options = {}) {
  const ask = () => fetch(url, { ...options, headers: { Accept: 'application/json', ...options.headers, 'X-App-Session': session() } });
  const answer = await ask();
  if (answer.status !== 401 || !(await renewSession())) return answer;
  return ask();
}

// The frame of the main page and of a tab gets the height we ask for, and has
// no scroll bar then. A slider is as high as the window and drops the command:
// there the page scrolls in itself, as it does until an answer comes.
function fit() {
  const page = document.querySelector('.page');
  let last = 0;
  const measure = async () => {
    const height = Math.ceil(page.getBoundingClientRect().height);
    if (Math.abs(height - last) <= 4 && innerHeight >= height) return;
    last = height;
    const answer = await send('resizeWindow', { width: '100%', height }, 1000);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    if (height === last) document.documentElement.classList.toggle('fitted', answer !== undefined && innerHeight + 4 >= height);
  };
  let timer;
  new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(measure, 50); }).observe(page);
}

document.documentElement.classList.add('scripted');
// A page that answers a form is not shown again without the browser's question
// whether to send the form again; this address is. Outside a portal, where
// nobody gives a new session, its place in the history keeps the one that the
// form had.
const { place } = document.body.dataset;
if (place) history.replaceState(framed || !session() ? null : { session: session() }, '', place);
// A step that follows another begins at its heading, or at what must be put
// right. A frame that the person has not entered yet takes no focus.
if (document.hasFocus() && document.activeElement === document.body) {
  const summary = document.getElementById('summary');
  if (summary) summary.focus();
  else if (document.querySelector('.steps')) document.getElementById('title')?.focus({ preventScroll: true });
}
if (framed) {
  document.documentElement.classList.add('framed');
  fit();
  setTitle(document.querySelector('h1')?.textContent.trim() ?? document.title);
  if (session()) keepSession();
  if (document.querySelector('[data-install-finish]')) installFinish();
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[data-portal-path]');
    if (!link) return;
    event.preventDefault();
    openPath(link.dataset.portalPath);
  });
}
