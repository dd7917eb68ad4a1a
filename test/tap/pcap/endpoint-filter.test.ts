import { describe, expect, it } from 'vitest';
import { EndpointFilter } from '../../../src/tap/pcap/endpoint-filter.ts';
import { TO_CLIENT, TO_SERVER, type Segment } from '../../../src/tap/segment.ts';
import { segmentOf } from './segments.ts';

function filter(ports: number[], addresses?: string[]): EndpointFilter {
  return new EndpointFilter({ id: 9, name: 'n', labels: {}, ports, location: { ...(addresses && { addresses }) } });
}

const toServer = (): Segment => segmentOf('x');
const toClient = (): Segment => segmentOf('x', { direction: TO_CLIENT });

describe('EndpointFilter', () => {
  it('tells the direction by the tapped port and names the endpoint', () => {
    const request = toServer();
    const response = toClient();
    expect([filter([80]).accept(request), request.direction, request.endpoint]).toEqual([true, TO_SERVER, 9]);
    expect([filter([80]).accept(response), response.direction, response.endpoint]).toEqual([true, TO_CLIENT, 9]);
  });

  it('turns other ports away', () => {
    expect(filter([81, 8080]).accept(toServer())).toBe(false);
  });

  it('takes the smaller port for the server when both are tapped', () => {
    const both = filter([80, 50000]);
    const request = toServer();
    const response = toClient();
    both.accept(request);
    both.accept(response);
    expect([request.direction, response.direction]).toEqual([TO_SERVER, TO_CLIENT]);
  });

  it('wants the server to have one of the addresses, where there are any', () => {
    expect(filter([80], ['10.0.0.2']).accept(toServer())).toBe(true);
    expect(filter([80], ['fd00::1', '10.0.0.2']).accept(toClient())).toBe(true);
    expect(filter([80], ['10.0.0.1']).accept(toServer())).toBe(false);
    expect(filter([80], ['10.0.0.1']).accept(toClient())).toBe(false);
  });
});
