import { mapShared, pageSize } from '../ebpf/libbpf.ts';
import type { SourceDescriptor } from '../tap.ts';
import { SHARED_CONSUMER_OFFSET, SHARED_DATA_OFFSET, SHARED_PRODUCER_OFFSET } from './abi.ts';

/** The three areas of a ring, as views. Valid until `unmap`. */
export interface RingMemory {
  /** One u64 that we write. */
  readonly consumer: BigUint64Array;
  /** The producer's u64 position as two words, of which the low one is read. */
  readonly producer: Int32Array;
  /** The data area; where `wraps` is true it is there twice, so that every record is in one piece. */
  readonly data: Buffer;
  readonly words: Int32Array;
  /** Size of the data area (once), a power of two. */
  readonly bytes: number;
  /** A record may run over the end of the data area. */
  readonly wraps: boolean;
  unmap(): void;
}

/** @throws KernelError if the memory cannot be mapped */
export function mapRing({ kind, fd, bytes }: SourceDescriptor): RingMemory {
  return kind === 'bpf' ? mapBpfRing(fd, bytes) : mapSharedRing(fd, bytes);
}

/** Documentation/bpf/ringbuf.rst: the first page may be written, the rest only read; the data area follows itself. */
function mapBpfRing(fd: number, bytes: number): RingMemory {
  const page = pageSize();
  const consumer = mapShared(fd, 0, page, true);
  const rest = mapShared(fd, page, page + 2 * bytes, false);
  return {
    consumer: new BigUint64Array(consumer.memory, 0, 1),
    producer: new Int32Array(rest.memory, 0, 2),
    data: Buffer.from(rest.memory, page, 2 * bytes),
    words: new Int32Array(rest.memory, page, (2 * bytes) / 4),
    bytes,
    wraps: true,
    unmap: () => {
      consumer.unmap();
      rest.unmap();
    },
  };
}

function mapSharedRing(fd: number, bytes: number): RingMemory {
  const { memory, unmap } = mapShared(fd, 0, SHARED_DATA_OFFSET + bytes, true);
  return { ...sharedRing(memory, bytes), unmap };
}

/** Lays a `shared` ring over memory that the caller owns, at least SHARED_DATA_OFFSET + `bytes` long. */
export function sharedRing(memory: ArrayBufferLike, bytes: number): RingMemory {
  return {
    consumer: new BigUint64Array(memory, SHARED_CONSUMER_OFFSET, 1),
    producer: new Int32Array(memory, SHARED_PRODUCER_OFFSET, 2),
    data: Buffer.from(memory as ArrayBuffer, SHARED_DATA_OFFSET, bytes),
    words: new Int32Array(memory, SHARED_DATA_OFFSET, bytes / 4),
    bytes,
    wraps: false,
    unmap: () => {},
  };
}
