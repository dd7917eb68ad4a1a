import type { Answer, Question } from '../answer.ts';
import { BINARY, count, EXCERPT, PLAIN, type Shown } from '../examples/mask.ts';
import { decode, headerOf } from './content.ts';
import type { FoundList } from './found.ts';
import { readMessages } from './grpc.ts';
import { JsonDiffer } from './json/json-differ.ts';
import { PlaceNode, type PlaceTable } from './json/json-places.ts';
import { OPEN_LIST, OPEN_OBJECT, startOfJson } from './json/json-scan.ts';
import { ProtobufDiffer } from './protobuf.ts';
import type { CompareRules } from './rules.ts';
import { asText, compareText } from './text.ts';

const EMPTY = Buffer.alloc(0);
const JSON_TYPE = /^[^;]*[/+]json\b/i;

/** Compares content: as JSON where both sides are JSON, else as text where both are text, else by their bytes. */
export class ContentDiffer {
  readonly #rules: CompareRules;
  readonly #table: PlaceTable;
  readonly #found: FoundList;
  readonly #json: JsonDiffer;
  readonly #protobuf: ProtobufDiffer;
  #root: PlaceNode;

  constructor(rules: CompareRules, table: PlaceTable, found: FoundList) {
    this.#rules = rules;
    this.#table = table;
    this.#found = found;
    this.#json = new JsonDiffer(rules, found);
    this.#protobuf = new ProtobufDiffer(found);
    this.#root = PlaceNode.root(table, rules.content);
  }

  /** After the table of places forgot all. */
  clear(): void {
    this.#root = PlaceNode.root(this.#table, this.#rules.content);
  }

  /** @returns false where content of one side cannot be decoded within bounds */
  compare({ grpc }: Question, production: Answer, mirror: Answer): boolean {
    const { maxBodyBytes } = this.#rules;
    const a = production.body ?? EMPTY;
    const b = mirror.body ?? EMPTY;
    if (a.length > maxBodyBytes || b.length > maxBodyBytes) return false;
    const name = grpc ? 'grpc-encoding' : 'content-encoding';
    const ours = headerOf(production.headers, name);
    const theirs = headerOf(mirror.headers, name);
    if (ours === theirs && a.equals(b)) return true;
    if (grpc) return this.#messages(a, ours, b, theirs);
    const content = decode(a, ours, maxBodyBytes);
    const other = content === null ? null : decode(b, theirs, maxBodyBytes);
    if (content === null || other === null) return false;
    if (!content.equals(other)) this.#content(content, headerOf(production.headers, 'content-type'), other, headerOf(mirror.headers, 'content-type'));
    return true;
  }

  #content(a: Buffer, type: string, b: Buffer, otherType: string): void {
    if (a.length === 0 || b.length === 0) return this.#oneSide(a, type, b, otherType);
    if (isJson(a, type) && isJson(b, otherType) && this.#json.compare(this.#root, a, b)) return;
    const text = asText(a, type);
    const otherText = text === null ? null : asText(b, otherType);
    if (text === null || otherText === null) return this.#binary(a, b);
    compareText(this.#root.place, text, otherText, !this.#rules.hasSecretFields, this.#found);
  }

  #oneSide(a: Buffer, type: string, b: Buffer, otherType: string): void {
    const found = this.#found.add(this.#root.place, b.length === 0 ? 'missing' : 'added');
    if (b.length === 0) describe(found?.ofProduction, a, type);
    else describe(found?.ofMirror, b, otherType);
  }

  #binary(a: Buffer, b: Buffer): void {
    const found = this.#found.add(this.#root.place, 'binary');
    found?.ofProduction.setBytes(BINARY, a, 0, a.length);
    found?.ofMirror.setBytes(BINARY, b, 0, b.length);
  }

  #messages(a: Buffer, encoding: string, b: Buffer, otherEncoding: string): boolean {
    const ours = readMessages(a, encoding, this.#rules.maxBodyBytes);
    const theirs = readMessages(b, otherEncoding, this.#rules.maxBodyBytes);
    if (ours === 'encoding' || theirs === 'encoding') return false;
    if (ours === 'framing' || theirs === 'framing') this.#binary(a, b);
    else if (ours.length !== theirs.length) this.#otherCount(ours.length, theirs.length);
    else ours.forEach((message, k) => this.#message(message, theirs[k]!));
    return true;
  }

  #otherCount(production: number, mirror: number): void {
    const found = this.#found.add(this.#root.place, 'length');
    found?.ofProduction.setText(PLAIN, count(production, 'message'));
    found?.ofMirror.setText(PLAIN, count(mirror, 'message'));
  }

  #message(a: Buffer, b: Buffer): void {
    if (!a.equals(b) && !this.#protobuf.compare(this.#root, a, b)) this.#binary(a, b);
  }
}

function isJson(body: Buffer, type: string): boolean {
  const first = body[startOfJson(body)];
  return first === OPEN_OBJECT || first === OPEN_LIST || JSON_TYPE.test(type);
}

function describe(shown: Shown | undefined, body: Buffer, type: string): void {
  if (asText(body, type) === null) shown?.setBytes(BINARY, body, 0, body.length);
  else shown?.setText(EXCERPT, count(body.length, 'byte'));
}
