import { FlowMarks } from './ebpf/flow-marks.ts';
import { mapRing } from './ring/mapping.ts';
import { MuteQueue } from './ring/mute-queue.ts';
import { RingSource } from './ring/ring-source.ts';
import type { SegmentSource, SourceDescriptor } from './tap.ts';

/**
 * Opens a worker's end of a tap. At most one reader per ring at a time; one that follows another goes on where that
 * one stopped. @throws KernelError if the ring cannot be mapped
 */
export function openSource(descriptor: SourceDescriptor): SegmentSource {
  const ring = mapRing(descriptor);
  if (descriptor.kind === 'shared') {
    const queue = new MuteQueue(ring.consumer.buffer);
    return new RingSource(ring, (segment, forever) => void queue.push(segment, forever));
  }
  const marks = new FlowMarks(descriptor.muteFd);
  return new RingSource(ring, (segment, forever) => marks.mute(segment, forever));
}
