// The page: which view is shown, the connection, signing in, cancelling.

import {attribute, text, toggle} from '/dom.js';
import * as format from '/format.js';
import {makeJob} from '/job.js';
import {change, Live, session} from '/live.js';
import {makeOverview} from '/overview.js';
import {Store} from '/store.js';

const main = document.getElementById('main');
const banner = document.getElementById('banner');
const standby = document.getElementById('standby');
const link = document.getElementById('link');
const signIn = document.getElementById('sign-in');

const store = new Store();
let view = null;
let lostSince = 0;
let state = '';

const live = new Live({
  begin: () => store.begin(),
  update: (update) => {
    store.apply(update);
    show();
  },
  state: (now, why) => {
    if (now === 'lost' && state !== 'lost') lostSince = Date.now();
    state = now;
    showState(why);
    if (now === 'sign-in') askForToken(why);
  },
});

function show() {
  view.update(store);
  // For measurements: from here on there is something to see.
  if (!performance.getEntriesByName('shown').length) performance.mark('shown');
  showStandingBy();
  text(document.getElementById('members'), store.standingBy ? '' :
    `${store.workers} workers (${store.idle} idle) · ` +
    `${store.servers} servers`);
  text(document.getElementById('foot'),
       `hawser ${store.version} · scheduler up since ` +
       format.time(store.started));
}

// Where another scheduler leads: who, and the way there.
function showStandingBy() {
  toggle(standby, store.standingBy !== '');
  toggle(main, store.standingBy === '');
  if (!store.standingBy) return;
  const [words, way] = standby.children;
  text(words, store.standingBy[0].toUpperCase() + store.standingBy.slice(1) +
    '. There is nothing to see here until it leads.');
  const known = /^https?:\/\//.test(store.leadersDashboard);
  toggle(way, known);
  if (known) way.href = store.leadersDashboard + '/' + location.hash;
}

function showState(why) {
  attribute(link, 'data-state', state);
  text(link, {live: 'live', lost: 'no connection', paused: 'paused',
              'sign-in': 'signed out'}[state] ?? 'connecting');
  const stale = state === 'lost';
  document.body.classList.toggle('stale', stale && store.known);
  toggle(banner, stale);
  if (stale) {
    text(banner, `No news since ${format.time(lostSince)}: ${why}. ` +
      'What you see is as it was then; trying again.');
  }
  toggle(signIn, state === 'sign-in' || Boolean(session.token));
  text(signIn, session.token && state !== 'sign-in' ? 'Sign out' : 'Sign in');
}

function route() {
  const found = location.hash.match(/^#\/jobs\/(.+)$/);
  const name = found ? decodeURIComponent(found[1]) : '';
  view?.stop();
  view = name ? makeJob(name, askToCancel) : makeOverview();
  document.title = view.title;
  main.replaceChildren(view.element);
  view.update(store);
  live.look(name);
  scrollTo(0, 0);
}

// Shows a dialog; calls `act` when it is confirmed, until it returns ''.
function ask(dialog, error, act) {
  text(error, '');
  dialog.returnValue = '';
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'yes') return;
    const problem = await act();
    if (!problem) return;
    text(error, problem);
    dialog.returnValue = '';
    dialog.showModal();
  };
  if (!dialog.open) dialog.showModal();
}

function askToCancel(name) {
  text(document.getElementById('cancel-title'), `Cancel ${name}?`);
  ask(document.getElementById('cancel-dialog'),
      document.getElementById('cancel-error'),
      () => change('/api/cancel?job=' + encodeURIComponent(name)));
}

// refusal: what the scheduler said of the token that it was shown.
function askForToken(refusal) {
  const field = document.getElementById('token');
  const error = document.getElementById('sign-in-error');
  field.value = '';
  ask(document.getElementById('sign-in-dialog'), error, () => {
    session.token = field.value.trim();
    field.value = '';
    live.restart();
    return '';
  });
  if (session.token) {
    session.token = '';
    text(error, `The scheduler refuses it: ${refusal}.`);
  }
}

signIn.addEventListener('click', () => {
  if (session.token) {
    session.token = '';
    live.restart();
  } else {
    askForToken('');
  }
});
addEventListener('hashchange', route);
// Clicks outside of a dialog close it.
for (const dialog of document.querySelectorAll('dialog')) {
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close('no');
  });
}
showState('');
route();
