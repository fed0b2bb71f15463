/**
 * The bytes that a DSSE signature is made over: the pre-authentication encoding.
 *
 * In: a payload and its type. Out: `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`, lengths in bytes, so that
 * neither part can be mistaken for the other. Nothing is refused.
 */

/** The type of a payload that is an in-toto statement. */
export const IN_TOTO_JSON = 'application/vnd.in-toto+json';

/** The pre-authentication encoding of `payload`. */
export function preAuthenticationEncoding(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
