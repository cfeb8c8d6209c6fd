/** Envelopes: the encoding that is signed, one spelling, and distinct keys whatever the envelope calls them. */
import { describe, expect, test } from 'vitest';
import {
  addSignature,
  parseEnvelope,
  preAuthenticationEncoding,
  serializeEnvelope,
  signersOf,
} from '../../../src/trust/signatures/dsse.ts';
import { failure } from '../failures.ts';
import { compressedForm } from '../signatures.ts';
import { idOf, pairOf, seal, signEnvelope } from '../documents/trust-documents.ts';

const payload = Buffer.from('{}\n');
const malformed = (message = ''): Error => failure('IntegrityError', 'MALFORMED', message);
const keys = (...names: readonly string[]): ReturnType<typeof pairOf>['publicKey'][] =>
  names.map((name) => pairOf(name).publicKey);

test('what is signed is the example of the specification', () => {
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#test-vectors
  const encoded = preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
});

test('lengths are of bytes, not of characters', () => {
  expect(preAuthenticationEncoding('é', Buffer.from('ü')).toString()).toBe('DSSEv1 2 é 2 ü');
});

describe('signers', () => {
  test('are the keys whose signatures verify, in the order of the keys asked for', () => {
    const envelope = seal(payload, ['a', 'b']);
    expect([...signersOf(envelope, keys('b', 'a', 'c'), 'x')]).toEqual([idOf('b'), idOf('a')]);
  });

  test('count once, however often and however spelled a key is given', () => {
    const envelope = seal(payload, ['p256']);
    const spelled = [...keys('p256', 'p256'), compressedForm(pairOf('p256').publicKey)];
    expect(signersOf(envelope, spelled, 'x').size).toBe(1);
  });

  test('a key under the name of another is no signer but a fault', () => {
    const envelope = seal(payload, ['a']);
    const [signature] = [...envelope.signatures.values()];
    const renamed = { ...envelope, signatures: new Map([[idOf('b'), signature ?? Buffer.alloc(0)]]) };
    expect(() => signersOf(renamed, keys('a', 'b'), 'x')).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', idOf('b')),
    );
    expect(signersOf(renamed, keys('a'), 'x').size).toBe(0);
  });

  test('a signature does not fit another payload or another type', () => {
    const envelope = seal(payload, ['a', 'b']);
    for (const changed of [
      { ...envelope, payload: Buffer.from('{ }') },
      { ...envelope, payloadType: 'application/vnd.in-toto+json' },
    ]) {
      expect(() => signersOf(changed, keys('a'), 'x')).toThrow(failure('TrustError', 'SIGNATURE_INVALID'));
      expect(() => signersOf(changed, keys('b'), 'x')).toThrow(failure('TrustError', 'SIGNATURE_INVALID'));
    }
  });

  test('a signature made elsewhere is proved before it is added', () => {
    const envelope = seal(payload, ['a']);
    const other = seal(Buffer.from('other'), ['b']).signatures.get(idOf('b')) ?? Buffer.alloc(0);
    expect(() => addSignature(envelope, pairOf('b').publicKey, other)).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID'),
    );
    expect(signEnvelope(envelope, pairOf('b').privateKey).signatures.size).toBe(2);
  });
});

describe('an envelope', () => {
  const bytes = serializeEnvelope(seal(payload, ['a', 'b']));
  const text = bytes.toString();
  const json = JSON.parse(text) as { signatures: { keyid: string; sig: string }[] };
  const spell = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 1)}\n`);

  test('is read back as it was written', () => {
    const envelope = parseEnvelope(bytes, 'x');
    expect(serializeEnvelope(envelope)).toEqual(bytes);
    expect(envelope.payload).toEqual(payload);
    expect([...envelope.signatures.keys()]).toEqual([idOf('a'), idOf('b')].sort());
  });

  test.each([
    ['not JSON', Buffer.from('{')],
    ['nothing', Buffer.alloc(0)],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), bytes])],
    ['something behind', Buffer.concat([bytes, Buffer.from(' ')])],
    ['a second document behind', Buffer.concat([bytes, bytes])],
    ['no line feed', bytes.subarray(0, -1)],
    ['compact', Buffer.from(JSON.stringify(json))],
    ['a duplicate key', Buffer.from(text.replace('{\n', '{\n "payloadType": "x",\n'))],
    ['an escaped duplicate key', Buffer.from(text.replace('{\n', '{\n "payloadTyp\\u0065": "x",\n'))],
    ['an unknown key', spell({ ...json, extra: 1 })],
    ['__proto__', Buffer.from(text.replace('{\n', '{\n "__proto__": {},\n'))],
    ['signatures not sorted', spell({ ...json, signatures: json.signatures.toReversed() })],
    ['a key that signs twice', spell({ ...json, signatures: [json.signatures[0], json.signatures[0]] })],
    ['a key id in capitals', spell({ ...json, signatures: [{ keyid: 'A'.repeat(64), sig: 'AA==' }] })],
    ['a short key id', spell({ ...json, signatures: [{ keyid: 'a'.repeat(63), sig: 'AA==' }] })],
    ['sloppy base64', spell({ ...json, signatures: [{ keyid: 'a'.repeat(64), sig: 'AB==' }] })],
    ['base64 without padding', spell({ ...json, payload: 'e30K'.slice(0, 3) })],
    ['an oversized signature', spell({ ...json, signatures: [{ keyid: 'a'.repeat(64), sig: 'AAAA'.repeat(200) }] })],
    ['deep nesting', Buffer.from('['.repeat(200_000))],
    ['deep nesting inside', Buffer.from(text.replace('"signatures": [', `"signatures": [${'['.repeat(50_000)}`))],
    ['another encoding', Buffer.from(text, 'utf16le')],
    ['bytes that are no text', Buffer.concat([bytes.subarray(0, 20), Buffer.from([0xff]), bytes.subarray(20)])],
    ['too many bytes', Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)],
  ])('is refused with %s', (_, changed) => {
    expect(() => parseEnvelope(changed, 'x')).toThrow(malformed('x'));
  });
});
