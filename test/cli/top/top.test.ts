import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Watching } from '../../observe/watching.ts';
import { Running, type Finished } from '../../support/process.ts';

const SHADOWTAP = fileURLToPath(new URL('../../../bin/shadowtap', import.meta.url));

/** Stands in for an agent's admin port. */
let page: unknown = {};
const server = createServer((request, response) => {
  response.writeHead(request.url === '/insight' ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(page));
});
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
});

async function top(...args: string[]): Promise<Finished> {
  await using command = new Running([SHADOWTAP, 'top', '--admin', `127.0.0.1:${(server.address() as AddressInfo).port}`, ...args]);
  return await command.finished;
}

/** Cells of a table, row by row. */
function cells(table: string): string[][] {
  return table.split('\n').filter((line) => line.startsWith('│')).map((line) => line.split('│').slice(1, -1).map((cell) => cell.trim()));
}

describe('shadowtap top', () => {
  beforeAll(() => {
    const watching = new Watching(['shop/web-1', 'test/web-2']);
    for (let i = 0; i < 40; i++) watching.exchange(`/fast/${i}`, { takesUs: 1000, address: '10.0.0.1' });
    for (let i = 0; i < 10; i++) watching.exchange(`/slow/${i}`, { takesUs: 50_000, address: '10.0.0.2' });
    for (let i = 0; i < 4; i++) watching.exchange('/broken', { status: i === 0 ? 200 : 502, method: 'POST' });
    watching.exchange('/elsewhere', { endpoint: 2 });
    watching.nowUs += 10e6;
    page = { observe: watching.data() };
  });

  it('shows what is busy, slow and broken, in tables', async () => {
    const { code, stdout, stderr } = await top();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, busiest, slowest, errors, clients] = stdout.split(/^(?:Busiest, by|Slowest|Most errors|Busiest clients).*$/m).map(cells);
    expect(busiest!.slice(1).map((row) => row.slice(0, 6))).toEqual([
      ['shop/web-1', '8080', 'GET /fast/{id}', '4.0', '40', '0'],
      ['shop/web-1', '8080', 'GET /slow/{id}', '1.0', '10', '0'],
      ['shop/web-1', '8080', 'POST /broken', '0.4', '4', '3 (75.0 %)'],
      ['test/web-2', '8080', 'GET /elsewhere', '0.1', '1', '0'],
    ]);
    expect(slowest!.slice(1).map(([, , endpoint, , , , , p90]) => [endpoint, Number(p90) > 45])).toEqual([['GET /slow/{id}', true], ['GET /fast/{id}', false]]);
    expect(errors!.slice(1).map((row) => row[2])).toEqual(['POST /broken']);
    expect(clients![1]).toEqual(['shop/web-1', '10.0.0.1', '40']);
    expect(stdout).not.toContain('Saturated');
  });

  it('shows one table, so many rows, pods of one namespace', async () => {
    expect(cells((await top('--by', 'busiest', '--limit', '1')).stdout)).toHaveLength(2);
    const rows = cells((await top('-n', 'test')).stdout).filter(([pod]) => pod !== 'pod');
    expect(new Set(rows.map(([pod]) => pod))).toEqual(new Set(['test/web-2']));
    expect((await top('--by', 'saturated')).stdout).toBe('There is none.\n');
  });

  it('says the same as JSON', async () => {
    const { stdout } = await top('-o', 'json');
    const told = JSON.parse(stdout) as { slowest: { template: string; p50Ms: number }[]; problems: string[] };
    expect(told.slowest[0]!.template).toBe('/slow/{id}');
    expect(told.slowest[0]!.p50Ms / 50).toBeCloseTo(1, 1);
    expect(told.problems).toEqual([]);
  });

  it('says what is wrong: flags, an agent that does not answer, one that says something else', async () => {
    expect(await top('--by', 'luck')).toMatchObject({ code: 2, stderr: 'shadowtap: --by: "luck" is not allowed; give one of busiest, slowest, errors, saturated, largest, clients\n' });
    expect(await top('--limit', '0')).toMatchObject({ code: 2, stderr: 'shadowtap: --limit: "0" is not allowed; give a number from 1 to 9999\n' });
    await using nobody = new Running([SHADOWTAP, 'top', '--admin', '127.0.0.1:1']);
    expect(await nobody.finished).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was observed yet.') as string, stderr: expect.stringContaining('127.0.0.1:1: ') as string });
    page = { hello: 'there' };
    expect(await top()).toMatchObject({ code: 1, stderr: expect.stringContaining('is it of another version?') as string });
  });
});
