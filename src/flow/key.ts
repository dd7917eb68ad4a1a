import type { Segment } from '../tap/segment.ts';
import { formatAddress } from './address.ts';

/** The addresses and ports of a connection. `A` is the side whose segment was seen first. */
export class FlowKey {
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  readonly b0: number;
  readonly b1: number;
  readonly b2: number;
  readonly b3: number;
  readonly aPort: number;
  readonly bPort: number;

  constructor(first: Segment) {
    this.a0 = first.src0;
    this.a1 = first.src1;
    this.a2 = first.src2;
    this.a3 = first.src3;
    this.b0 = first.dst0;
    this.b1 = first.dst1;
    this.b2 = first.dst2;
    this.b3 = first.dst3;
    this.aPort = first.sport;
    this.bPort = first.dport;
  }

  isFromA(s: Segment): boolean {
    return (
      s.sport === this.aPort &&
      s.dport === this.bPort &&
      s.src3 === this.a3 &&
      s.dst3 === this.b3 &&
      s.src2 === this.a2 &&
      s.dst2 === this.b2 &&
      s.src1 === this.a1 &&
      s.dst1 === this.b1 &&
      s.src0 === this.a0 &&
      s.dst0 === this.b0
    );
  }

  isFromB(s: Segment): boolean {
    return (
      s.sport === this.bPort &&
      s.dport === this.aPort &&
      s.src3 === this.b3 &&
      s.dst3 === this.a3 &&
      s.src2 === this.b2 &&
      s.dst2 === this.a2 &&
      s.src1 === this.b1 &&
      s.dst1 === this.a1 &&
      s.src0 === this.b0 &&
      s.dst0 === this.a0
    );
  }

  addressOfA(): string {
    return formatAddress(this.a0, this.a1, this.a2, this.a3);
  }

  addressOfB(): string {
    return formatAddress(this.b0, this.b1, this.b2, this.b3);
  }
}
