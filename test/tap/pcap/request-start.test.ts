import { describe, expect, it } from 'vitest';
import { beginsHttp2, isPreface, isRequestLine, mayBeHttp } from '../../../src/tap/pcap/request-start.ts';

const within = (text: string): [Buffer, number, number] => [Buffer.from(`##${text}##`, 'latin1'), 2, 2 + text.length];

describe('mayBeHttp', () => {
  it.each(['GET / HTTP/1.1', 'PROPFIND /', 'M-SEARCH *', 'G', 'GE', '\r\nGET /', '\nGET /', 'PRI * HTTP/2.0', 'BREW pot', 'Xy'])('does not rule out %j', (text) => {
    expect(mayBeHttp(...within(text))).toBe(true);
  });

  it.each(['\x16\x03\x01', '*1\r\n$4\r\nPING', '\x00\x00\x00\x08', 'ssh-2.0', '{"a":1}', '1', 'HT\x01'])('rules out %j', (text) => {
    expect(mayBeHttp(...within(text))).toBe(false);
  });
});

describe('isRequestLine', () => {
  it.each(['GET / HTTP/1.1', 'POST /a', 'PUT *', 'DELETE http://a/', 'HEAD /', 'OPTIONS *', 'PATCH /', 'TRACE /', 'GET H'])('recognises %j', (text) => {
    expect(isRequestLine(...within(text))).toBe(true);
  });

  it.each(['GET', 'GET ', 'GETS /', 'get / ', 'GET x', ' GET /', 'CONNECT a:1', 'POST', 'HTTP/1.1 200 OK', 'PRI * HTTP/2.0\r\n', 'OPTIONS'])('does not take %j for one', (text) => {
    expect(isRequestLine(...within(text))).toBe(false);
  });

  it('does not look behind the payload', () => {
    const data = Buffer.from('GET / HTTP/1.1');
    expect(isRequestLine(data, 0, 4)).toBe(false);
    expect(isRequestLine(data, 0, 5)).toBe(true);
  });
});

describe('isPreface', () => {
  it.each([
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', true],
    ['PRI * HTTP/2', true],
    ['PRI * HTTP/', false],
    ['PRI * HTTP/1.1', false],
  ])('of %j is %s', (text, expected) => {
    expect(isPreface(...within(text))).toBe(expected);
  });
});

describe('beginsHttp2', () => {
  it.each([
    ['PRI * HTTP/2.0\r\n', true],
    ['GET / HTTP/1.1', false],
    ['\0\0\x05\x01\x04\0\0\0\x01block', true],
    ['\0\0\0\x04\x01\0\0\0\0', true],
    ['\0\0\0\x04\x01\0\0\0', false],
    ['\0\0\x05\x09\x04\0\0\0\x01block', false],
    ['the rest of a body', false],
  ])('of %j is %s', (text, expected) => {
    expect(beginsHttp2(...within(text))).toBe(expected);
  });
});
