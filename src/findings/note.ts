import type { SourceWatch } from './watch/source-watch.ts';

/** What is remembered of a request until its answer comes: hashes in place of what was sent. */
export class Note {
  readonly source: SourceWatch;
  /** Of the path; of the target; of the Host. */
  path = 0;
  target = 0;
  host = 0;
  /** Of the Authorization. */
  credential = 0;
  hasCredential = false;
  /** It has a cookie or an Authorization. */
  isKnown = false;
  isLogin = false;
  /** Of its content, as declared; -1 where it was not. */
  length = -1;
  /** A method that only servers with a use for it take. */
  isOddMethod = false;
  /** A file that should not be handed out was asked for; what the evidence says of it. */
  sensitive = '';

  constructor(source: SourceWatch) {
    this.source = source;
  }
}
