// The browser's own Back, or a reload: the portal gives tokens, the app a
// session for them, and the page that stood here is asked for again. Outside a
// portal this place in the history has kept the session. A page that gets a
// place of its own behind this one leaves a mark here, so that who comes a
// second time goes on back.
import { framed, getInitData, refreshAuth } from './frame.js';

const form = document.getElementById('back');

/** A session for tokens; empty: they are over. @param {Record<string, any>} init @param {Record<string, string>} tokens */
async function sessionFor(init, tokens) {
  const query = new URLSearchParams({ DOMAIN: init.DOMAIN ?? '', PROTOCOL: String(init.PROTOCOL ?? 1), LANG: init.LANG ?? '' });
  const body = new URLSearchParams({
    AUTH_ID: tokens.AUTH_ID ?? '', AUTH_EXPIRES: tokens.AUTH_EXPIRES ?? '', REFRESH_ID: tokens.REFRESH_ID ?? '',
    member_id: init.MEMBER_ID ?? '', PLACEMENT: init.PLACEMENT ?? '', PLACEMENT_OPTIONS: JSON.stringify(init.PLACEMENT_OPTIONS ?? ''),
  });
  const answer = await fetch(`/?${query}`, { method: 'POST', body });
  if (!answer.ok) return '';
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return page.querySelector('meta[name=app-session]')?.content ?? '';
}

async function again() {
  const init = await getInitData();
  if (!init?.MEMBER_ID) return false;
  let session = await sessionFor(init, init);
  if (!session) {
    const fresh = await refreshAuth();
    session = fresh ? await sessionFor(init, fresh) : '';
  }
  if (!session) return false;
  form.elements._s.value = session;
  history.replaceState({ over: true }, '');
  form.submit();
  return true;
}

/** Outside a portal: the page that stood here, or the app's first one. */
function kept() {
  const { session } = history.state ?? {};
  if (!session) { location.replace('/'); return; }
  form.elements._s.value = session;
  form.submit(); // before this page is complete: takes its place
}

if (history.state?.over) history.back();
else if (!framed) kept();
else if (!(await again().catch(() => false))) form.querySelector('.state').hidden = true;
