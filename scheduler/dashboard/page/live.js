// The connection to the scheduler: one stream of updates, that is opened again
// whenever it ends, and the token that it may need.

import {parse} from '/store.js';

const SILENCE_MS = 6000;   // the scheduler tells something every second
const LONGEST_PAUSE_MS = 5000;
const HIDDEN_MS = 60000;   // a tab that nobody sees lets others have its place

export const session = {
  get token() { return sessionStorage.getItem('token') ?? ''; },
  set token(token) {
    if (token) sessionStorage.setItem('token', token);
    else sessionStorage.removeItem('token');
  },
  headers() {
    return this.token ? {Authorization: `Bearer ${this.token}`} : {};
  },
};

// POST; returns '' or what went wrong.
export async function change(path) {
  try {
    const reply = await fetch(path, {
      method: 'POST', headers: {...session.headers(), 'X-Hawser': '1'}});
    if (reply.ok) return '';
    return (await reply.text()).trim() || `refused (${reply.status})`;
  } catch {
    return 'the scheduler cannot be reached';
  }
}

// on.begin(): a stream begins. on.update(update). on.state(state, why): 'live',
// 'lost', 'sign-in' or 'paused'.
export class Live {
  constructor(on) {
    this.on = on;
    this.job = null;
    this.number = 0;  // of the newest stream; older ones end
    this.refusal = '';  // why it is to sign in
    document.addEventListener('visibilitychange', () => this.seen());
  }

  // Looks at a job ('' for none).
  look(job) {
    if (this.job === job) return;
    this.job = job;
    this.restart();
  }

  restart() {
    this.abort?.abort();
    this.run(++this.number);
  }

  seen() {
    clearTimeout(this.pause);
    if (document.hidden) {
      this.pause = setTimeout(() => {
        ++this.number;
        this.abort?.abort();
        this.paused = true;
        this.on.state('paused', '');
      }, HIDDEN_MS);
    } else if (this.paused) {
      this.paused = false;
      this.restart();
    }
  }

  async run(number) {
    let pause = 250;
    while (number === this.number) {
      const began = Date.now();
      const why = await this.stream(number);
      if (number !== this.number) return;
      if (why === 'sign-in') {
        this.on.state('sign-in', this.refusal);
        return;  // goes on by restart()
      }
      this.on.state('lost', why);
      if (Date.now() - began > LONGEST_PAUSE_MS) pause = 250;
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  // Returns why it ended.
  async stream(number) {
    const abort = this.abort = new AbortController();
    let watch = 0;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    alive();
    try {
      const reply = await fetch(
        '/api/live?job=' + encodeURIComponent(this.job),
        {headers: session.headers(), signal: abort.signal});
      if (reply.status === 401 || reply.status === 403) {
        this.refusal = (await reply.text()).trim();
        return 'sign-in';
      }
      if (!reply.ok) return (await reply.text()).trim();
      this.on.begin();
      const reader =
        reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const {value, done} = await reader.read();
        if (done || number !== this.number) return 'the scheduler has stopped';
        alive();
        const events = (rest + value).split('\n\n');
        rest = events.pop();
        for (const event of events) {
          if (!event.startsWith('data: ')) continue;
          this.on.update(parse(event.slice(6)));
          this.on.state('live', '');
        }
      }
    } catch {
      return 'the scheduler does not answer';
    } finally {
      clearTimeout(watch);
      abort.abort();
    }
  }
}
