import { closeSync } from 'node:fs';
import type { ProgramName } from './object.ts';

/** Where one endpoint's programs hang. */
export interface Attachment {
  /**
   * Takes them off. Idempotent; does not fail when the interface or the namespace is already gone.
   * @param netns path that leads to the namespace now; absent means the agent's own
   */
  detach(netns: string | undefined): void;
}

/** File descriptor of a loaded program. */
export type ProgramFd = (name: ProgramName) => number;

/** A program and the side of an interface that it looks at. */
export interface TcHook {
  readonly ifindex: number;
  readonly ingress: boolean;
  readonly program: ProgramName;
}

/** BPF links: the kernel detaches when the last descriptor is closed, be it by us or by the end of the process. */
export class LinkAttachment implements Attachment {
  readonly #fds: number[] = [];

  add(linkFd: number): void {
    this.#fds.push(linkFd);
  }

  detach(): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }
}
