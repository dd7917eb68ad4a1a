import { UNKNOWN_DIRECTION, type Segment } from '../segment.ts';
import { FLOW_AWAIT, FLOW_MUTED, KEY_WORDS, MARK_STATE, MARK_WORDS, writeFlowKey } from './abi.ts';
import { libbpf } from './libbpf.ts';

const BPF_ANY = 0;

/** A worker's access to the kernel's map of flows that are not copied. `fd` stays the tap's. */
export class FlowMarks {
  readonly #fd: number;
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #mark = new Uint32Array(MARK_WORDS);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** See SegmentSource.mute. One system call. If the kernel has no memory for the mark, the flow goes on being copied. */
  mute(segment: Segment, forever: boolean): void {
    if (segment.direction === UNKNOWN_DIRECTION) return;
    writeFlowKey(this.#key, segment);
    this.#mark[MARK_STATE] = forever ? FLOW_MUTED : FLOW_AWAIT;
    try {
      libbpf().bpf_map_update_elem(this.#fd, this.#key, this.#mark, BPF_ANY);
    } catch {
      // It only costs us: the reader meets the flow's next packets and asks again.
    }
  }
}
