// The frame was reloaded: the portal's page has sent its old form again, with
// a token that is over. A fresh one comes from the portal, and the form goes
// once more. The form says that this was done, so it happens only once.

import { framed, refreshAuth } from './frame.js';

const form = document.getElementById('reopen');
const tokens = framed ? await refreshAuth() : null;
if (tokens) {
  for (const name of ['AUTH_ID', 'AUTH_EXPIRES', 'REFRESH_ID']) form.elements[name].value = tokens[name] ?? '';
  form.submit();
} else {
  form.querySelector('.state').hidden = true;
}
