import { data, frame, goaway, headers, padded, ping, priority, reset, settings, settingsAck, windowUpdate } from '../http/h2/frames.ts';

/** What the client of an HTTP/2 connection may begin a packet with. */
export const FRAMES = [data(1, 'content', 1), data(5, padded('x', 2), 8), headers(1, Buffer.from('a block'), 0x25), reset(7, 8), settings(3, 100), settingsAck(), ping(), goaway(0, 0, 'bye'), windowUpdate(0, 1), priority(9)];

/** What is none, by length, reserved bit, flags, stream or type. */
export const NO_FRAMES = [
  'the rest of a body',
  frame(0, 0, 1, 'x'.repeat(16_385)),
  frame(0, 0, 2 ** 31 + 1, 'x'),
  frame(0, 2, 1, 'x'),
  frame(0, 0, 0, 'x'),
  frame(0, 0, 2, 'x'),
  frame(0, 8, 1),
  frame(1, 4, 1),
  frame(1, 0x24, 1, 'four'),
  frame(2, 0, 1, 'four'),
  frame(3, 0, 0, 'four'),
  frame(4, 0, 0, 'four'),
  frame(4, 1, 0, 'sixsix'),
  frame(4, 0, 1, 'sixsix'),
  frame(5, 4, 1, 'promise'),
  frame(6, 0, 0, 'four'),
  frame(7, 0, 0, 'four'),
  frame(8, 0, 1, 'five.'),
  frame(9, 4, 1, 'continued'),
  frame(10, 0, 0, 'origin'),
  settings().subarray(0, 8),
];
