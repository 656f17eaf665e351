// The portal's side of the frame protocol. The app posts
// "command:params:callback:sid" (params are JSON and may be left out) or an
// object with the same parts; it is answered with "callback:JSON". Whatever
// is not understood, or not allowed where the frame is, is dropped silently.

const people = JSON.parse(document.getElementById('people')?.textContent || '[]') || [];

function parse(data) {
  if (typeof data === 'string') {
    const parts = data.split(':');
    if (parts.length < 3) return null;
    const raw = parts.slice(1, -2).join(':');
    let params = {};
    if (raw) {
      try { params = JSON.parse(raw); } catch { params = raw; }
    }
    return { method: parts[0], params, callback: parts.at(-2), sid: parts.at(-1) };
  }
  if (data && typeof data === 'object' && data.method) {
    return { method: data.method, params: data.params ?? {}, callback: data.callback, sid: data.appSid };
  }
  return null;
}

async function ask(path, body) {
  const res = await fetch('/bitrix/frame/' + path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  if (!res.ok) throw new Error(await res.text());
  return res.json();
}

// openFrame makes the iframe, names it before anything is loaded into it, and
// submits the form into it.
function openFrame(place, data, close) {
  const frame = document.createElement('iframe');
  frame.name = data.name;
  frame.allow = 'geolocation *; microphone *; camera *; autoplay *;';
  place.append(frame);
  const form = document.createElement('form');
  form.method = 'post';
  form.action = data.action;
  form.target = data.name;
  form.hidden = true;
  for (const [name, value] of Object.entries(data.fields)) {
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  const stop = listen(frame, data, close);
  form.submit();
  form.remove();
  return stop;
}

function listen(frame, data, close) {
  const heard = (event) => {
    if (event.origin !== data.origin) return;
    const message = parse(event.data);
    if (!message || message.sid !== data.sid) return;
    const reply = (value) => {
      const json = value === undefined ? '' : JSON.stringify(value);
      frame.contentWindow?.postMessage(message.callback + ':' + json, data.origin);
    };
    commands[message.method]?.({ frame, data, close, params: message.params, reply });
  };
  addEventListener('message', heard);
  return () => removeEventListener('message', heard);
}

const commands = {
  getInitData: ({ data, reply }) => reply(data.init),
  setInstall: ({ params, reply }) => reply(params),
  setScroll: ({ data, params, reply }) => {
    if (data.slider) return;
    scrollTo({ top: Number(params.scroll) || 0 });
    reply(params);
  },
  setTitle: ({ frame, data, params, reply }) => {
    if (data.placement !== 'DEFAULT') return;
    const heading = frame.closest('.panel')?.querySelector('h2') || document.getElementById('page-title');
    heading.textContent = String(params.title ?? '');
    reply(params);
  },
  resizeWindow: ({ frame, data, params, reply }) => {
    if (data.slider) return;
    const height = parseInt(params.height, 10);
    if (height > 0) frame.style.height = height + 'px';
    frame.style.width = /^\d+$/.test(String(params.width)) ? params.width + 'px' : '100%';
    reply(params);
  },
  refreshAuth: async ({ data, reply }) => reply(await ask('refresh', { sid: data.sid })),
  setUserOption: async ({ data, params, reply }) => {
    await ask('option', { sid: data.sid, store: 'user', name: params.name, value: params.value });
    reply(params);
  },
  setAppOption: async ({ data, params, reply }) => {
    if (!data.init.IS_ADMIN) return;
    reply(await ask('option', { sid: data.sid, store: 'app', name: params.name, value: params.value }));
  },
  setInstallFinish: async ({ data }) => {
    if (!data.init.INSTALL) return;
    const { finished } = await ask('install-finish', { sid: data.sid });
    const here = new URL(location.href);
    here.searchParams.set('install_finished', finished);
    location.replace(here);
  },
  reloadWindow: ({ data }) => { if (!data.slider) location.reload(); },
  reloadData: ({ data, reply }) => { if (data.placement !== 'DEFAULT') reply(); },
  getInterface: ({ data, reply }) => reply(data.interface),
  openApplication: async ({ params, reply }) => {
    const opened = await ask('open', { params, uri: location.pathname + location.search });
    slide(opened.title, (panel, close) => openFrame(frameIn(panel), opened, close), () => reply());
  },
  closeApplication: ({ close, reply }) => { reply(); close?.(); },
  openPath: ({ params, reply }) => {
    const url = new URL(String(params.path || ''), location.origin);
    const known = /^\/(crm\/(type\/\d+|deal|contact|company)\/|marketplace\/|$)/.test(url.pathname);
    if (url.origin !== location.origin || !String(params.path).startsWith('/') || !known) {
      reply({ result: 'error', errorCode: 'PATH_NOT_AVAILABLE' });
      return;
    }
    for (const [k, v] of Object.entries({ IFRAME: 'Y', IFRAME_TYPE: 'SIDE_SLIDER', from: 'rest_placement', from_app: '12' })) url.searchParams.set(k, v);
    slide('', (panel) => {
      const page = document.createElement('iframe');
      page.src = url.pathname + url.search;
      panel.append(page);
    }, () => reply({ result: 'close' }));
  },
  selectUser: ({ params, reply }) => {
    const dialog = document.createElement('dialog');
    const done = (user) => { dialog.close(); dialog.remove(); reply(params.mult ? { 0: user } : user); };
    for (const p of people) {
      const button = document.createElement('button');
      button.textContent = `${p.Name} ${p.LastName}`;
      button.onclick = () => done({ id: String(p.ID), name: button.textContent, photo: '', position: p.Position, url: '', sub: false, sup: false });
      dialog.append(button);
    }
    document.body.append(dialog);
    dialog.showModal();
  },
};

function frameIn(panel) {
  const div = document.createElement('div');
  div.className = 'frame';
  panel.append(div);
  return div;
}

// slide opens a panel over the page; closed is called once when it goes.
function slide(title, fill, closed) {
  const back = document.createElement('div');
  back.className = 'slider';
  back.innerHTML = '<button type="button" class="close">×</button><div class="panel"><h2></h2></div>';
  const panel = back.querySelector('.panel');
  panel.querySelector('h2').textContent = title;
  let stop;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    stop?.();
    back.remove();
    closed?.();
  };
  back.querySelector('.close').onclick = close;
  document.body.append(back);
  stop = fill(panel, close);
}

for (const script of document.querySelectorAll('.frame-data')) {
  openFrame(script.previousElementSibling, JSON.parse(script.textContent), null);
}

for (const button of document.querySelectorAll('.placement')) {
  button.onclick = async () => {
    const { placement, handler } = button.dataset;
    const data = await ask('open', { placement, handler, uri: location.pathname + location.search });
    slide(data.title, (panel, close) => openFrame(frameIn(panel), data, close), () => location.reload());
  };
}

let stopTab = null;
for (const tab of document.querySelectorAll('.tab')) {
  tab.onclick = async () => {
    document.querySelectorAll('.tab').forEach((t) => t.classList.toggle('active', t === tab));
    const place = document.getElementById('tab-content');
    stopTab?.();
    stopTab = null;
    place.replaceChildren();
    document.getElementById('general').hidden = !('general' in tab.dataset);
    if ('general' in tab.dataset) return;
    const { placement, handler, id } = tab.dataset;
    const data = await ask('open', { placement, handler, params: { ID: id }, uri: location.pathname + location.search });
    stopTab = openFrame(frameIn(place), data, null);
  };
}
