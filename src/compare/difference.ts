/**
 * In what way two answers differ at one place. `status`, `header`, `trailer` and `field` differ in value; `type` is a field whose
 * JSON type differs; `missing` is there in production only, `added` in the mirror only; `order` the same elements in another
 * order; `length` another number of elements; `text` and `binary` content that is not JSON; `grpc-status` the outcome of a call.
 */
export const DIFFERENCE_KINDS = ['status', 'grpc-status', 'header', 'trailer', 'field', 'type', 'missing', 'added', 'order', 'length', 'text', 'binary'] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** One place at which two answers differ. */
export interface Difference {
  /**
   * The place, with positions of lists as `-`, so that it is the same for all answers of an endpoint: `status`, `header content-type`,
   * `trailer grpc-message`, `body /items/-/price` (RFC 6901), `body` for content as a whole.
   */
  readonly where: string;
  readonly kind: DifferenceKind;
  /** What either side has there, for people: already redacted, printable, at most 80 characters; empty where it has nothing. */
  readonly production: string;
  readonly mirror: string;
  /**
   * Both sides have a well-formed value of the same random or passing sort there, such as an id, a token or a time
   * (value-shape.ts); told from the values themselves, before masking. Not there: no.
   */
  readonly random?: boolean;
}
