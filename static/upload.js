// Step 1: a file is chosen or dropped, sent in slices, and goes on where it
// stopped when the connection is cut. Without this module the form sends the
// file as a whole.
import { call, session } from './frame.js';

const form = document.getElementById('upload');
const words = JSON.parse(document.getElementById('words')?.textContent ?? '{}');
const byId = (id) => document.getElementById(id);
const lang = document.documentElement.lang;
const say = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values?.[name] ?? '');

/** Bytes as people read them. @param {number} n */
function size(n) {
  const [value, unit] = n < 1e6 ? [Math.ceil(n / 1024), 'kilobyte'] : [n / 1048576, 'megabyte'];
  return new Intl.NumberFormat(lang, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value);
}

function fail(text) {
  byId('uploading').hidden = true;
  byId('drop').hidden = false;
  const box = byId('upload-error');
  box.querySelector('span').textContent = text;
  box.hidden = false;
  box.setAttribute('role', 'alert');
  byId('file').value = '';
  byId('file').focus();
}

/** Where an upload of the same file was cut, this page's life long and, if the browser lets us, longer. */
const memory = {
  key: (file) => `upload:${form.dataset.create ?? ''}:${file.name}:${file.size}:${file.lastModified}`,
  get(file) { try { return sessionStorage.getItem(this.key(file)); } catch { return null; } },
  set(file, id) { try { sessionStorage.setItem(this.key(file), id); } catch { /* a private window: the upload begins anew */ } },
  drop(file) { try { sessionStorage.removeItem(this.key(file)); } catch { /* as above */ } },
};

let current = null; // the upload under way: {cancelled, request}

/** One slice by XMLHttpRequest, which alone reports how much has been sent. */
function put(run, id, blob, offset, sent) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    run.request = request;
    request.open('PATCH', `/uploads/${id}`);
    request.setRequestHeader('X-App-Session', session());
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('Content-Type', 'application/offset+octet-stream');
    request.setRequestHeader('Upload-Offset', String(offset));
    request.responseType = 'json';
    request.upload.onprogress = (event) => sent(offset + event.loaded);
    request.onloadend = () => resolve({ status: request.status, body: request.response });
    request.send(blob);
  });
}

/** The id and offset to go on from: of an earlier attempt, or of a new upload. */
async function begin(file) {
  const known = memory.get(file);
  if (known) {
    const answer = await call(`/uploads/${known}`, { method: 'HEAD' });
    const offset = Number(answer.headers.get('Upload-Offset'));
    if (answer.ok && Number(answer.headers.get('Upload-Length')) === file.size && offset < file.size) return { id: known, offset, slice: 8 << 20 };
    memory.drop(file);
  }
  const answer = await call(form.dataset.create ?? '/uploads', { method: 'POST', body: new URLSearchParams({ name: file.name, size: String(file.size) }) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error || words.cut);
  memory.set(file, body.id);
  return body;
}

async function send(file) {
  const run = current = { cancelled: false, request: null };
  let { id, offset, slice } = await begin(file);
  let said = -1;
  const show = (n) => {
    byId('upload-bar').value = file.size ? n / file.size : 1;
    byId('upload-bytes').textContent = say('uploading', { done: size(n), all: size(file.size) });
    const quarter = Math.floor((4 * n) / file.size);
    if (quarter > said) { said = quarter; byId('upload-status').textContent = `${quarter * 25}%`; }
  };
  for (let failed = 0; !run.cancelled;) {
    show(offset);
    const answer = await put(run, id, file.slice(offset, offset + slice), offset, show);
    if (run.cancelled) break;
    if (answer.status === 200 || answer.status === 409) {
      failed = answer.status === 200 ? 0 : failed + 1;
      offset = answer.body.offset;
      if (answer.body.done) return id;
      if (failed < 5) continue;
    }
    if (answer.status === 422 || answer.status === 413) { memory.drop(file); throw new Error(answer.body?.error || words.cut); }
    if (++failed > 5) throw new Error(words.cut);
    byId('upload-bytes').textContent = words.resuming;
    await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** failed));
    const head = await call(`/uploads/${id}`, { method: 'HEAD' }).catch(() => null);
    if (head?.ok) offset = Number(head.headers.get('Upload-Offset'));
    else if (head?.status === 401) throw new Error(words.ended);
  }
  return null;
}

async function take(file) {
  byId('upload-error').hidden = true;
  const max = Number(form.dataset.max);
  if (file.size > max) { fail(say('too_large', { size: size(file.size), max: size(max) })); return; }
  byId('drop').hidden = true;
  byId('uploading').hidden = false;
  byId('upload-name').textContent = file.name;
  try {
    const id = await send(file);
    if (!id) { byId('uploading').hidden = true; byId('drop').hidden = false; byId('file').value = ''; return; }
    memory.drop(file);
    byId('upload-bytes').textContent = words.reading;
    open(id);
  } catch (error) {
    fail(error.name === 'Error' ? error.message : words.cut); // the browser's own speak its language
  }
}

/** Goes to the page of an upload, as the form without scripts does. @param {string} id */
function open(id) {
  const next = document.createElement('form');
  next.method = 'post';
  next.action = form.dataset.take ?? `/files/${id}`;
  const add = (name, value) => next.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
  add('_s', session());
  add('upload', id);
  const repeat = form.querySelector('input[name=repeat]');
  if (repeat) next.append(repeat.cloneNode());
  document.body.append(next);
  next.submit();
}

if (form) {
  const drop = byId('drop');
  byId('file').addEventListener('change', (event) => event.target.files[0] && take(event.target.files[0]));
  byId('upload-cancel').addEventListener('click', () => { if (current) { current.cancelled = true; current.request?.abort(); } });
  for (const type of ['dragenter', 'dragover']) drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const type of ['dragleave', 'drop']) drop.addEventListener(type, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => {
    event.preventDefault();
    const files = event.dataTransfer?.files ?? [];
    if (files.length === 1) take(files[0]);
    else if (files.length > 1) fail(words.one_file);
  });
  // A file dropped beside the zone must not replace the page.
  for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault());
  form.addEventListener('submit', (event) => event.preventDefault());
}
