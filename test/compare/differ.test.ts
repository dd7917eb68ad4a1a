import { describe, expect, it } from 'vitest';
import { allOf, answer, differ, jsonAnswer, placesOf, question } from './differ-support.ts';

describe('two answers', () => {
  it('that are equal share one empty list', () => {
    const compared = differ();
    expect(compared.differences(question(), jsonAnswer('{}'), jsonAnswer('{}'))).toEqual([]);
  });

  it('with statuses of one class are compared in everything else', () => {
    const [ok, created] = [{ ...jsonAnswer('{"a":1}'), status: 200 }, { ...jsonAnswer('{"a":2}'), status: 201 }];
    expect(allOf(differ().differences(question(), ok, created))).toEqual([
      { where: 'status', kind: 'status', production: '200', mirror: '201' },
      { where: 'body /a', kind: 'field', production: '1', mirror: '2' },
    ]);
  });

  it('with statuses of different classes are not compared any further', () => {
    const failed = { ...jsonAnswer('{"error":1}', ['X', '1']), status: 500 };
    expect(placesOf(differ().differences(question(), jsonAnswer('{"a":1}'), failed))).toEqual(['status status']);
  });

  it('without content by their status have none', () => {
    for (const status of [204, 304]) {
      expect(placesOf(differ().differences(question(), answer({ status, body: Buffer.from('a') }), answer({ status, body: Buffer.from('b') })))).toEqual([]);
    }
    const other = answer({ body: Buffer.from('b') });
    expect(placesOf(differ().differences(question({ method: 'HEAD' }), answer({ body: Buffer.from('a') }), other))).toEqual([]);
  });

  it('differ in trailers, too', () => {
    const withTrailer = (value: string) => answer({ trailers: ['Checksum', value] });
    expect(placesOf(differ().differences(question(), withTrailer('a'), withTrailer('b')))).toEqual(['trailer trailer checksum']);
  });

  it('do not differ in a status that a pattern ignores, but in all else', () => {
    const compared = differ({ ignore: [{ pattern: 'status' }] });
    expect(placesOf(compared.differences(question(), answer({ status: 200, headers: ['a', '1'] }), answer({ status: 500 })))).toEqual(['missing header a']);
    expect(placesOf(compared.differences(question(), answer({ status: 200 }), answer({ status: 202 })))).toEqual([]);
  });

  it('have each place once, however often it differs', () => {
    const items = (price: number): string => JSON.stringify({ items: Array.from({ length: 200 }, (_, i) => ({ i, price })) });
    expect(placesOf(differ().differences(question(), jsonAnswer(items(1)), jsonAnswer(items(2))))).toEqual(['field body /items/-/price']);
  });

  it('leave nothing behind for the next two', () => {
    const compared = differ();
    compared.differences(question(), jsonAnswer('{"a":1}', ['X', '1']), jsonAnswer('{"a":2}', ['Y', '1']));
    expect(placesOf(compared.differences(question(), jsonAnswer('{"a":1}'), jsonAnswer('{"a":1}')))).toEqual([]);
    expect(placesOf(compared.differences(question(), jsonAnswer('{"a":1}', ['X', '1']), jsonAnswer('{"a":2}', ['Y', '1'])))).toEqual([
      'added header y', 'field body /a', 'missing header x',
    ]);
  });
});
