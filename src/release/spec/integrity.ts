/** Files pinned by a subresource-integrity string: read only while they are what the release says. */
import ssri from 'ssri';
import { IntegrityError, UsageError } from '../../errors.ts';

/** Exactly one strong hash; ssri alone would take several and accept any of them. */
const INTEGRITY = /^sha(?:256-[A-Za-z0-9+/]{43}=|384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)$/;

/**
 * Passes content on and insists at its end that it is what the string pins.
 * @throws UsageError `INVALID_SPEC` unless the string is exactly one sha256, sha384 or sha512 hash.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the file and both hashes.
 * @see https://www.w3.org/TR/SRI/
 */
export async function* pinned(
  content: AsyncIterable<Uint8Array>,
  integrity: string,
  fileName: string,
): AsyncGenerator<Uint8Array> {
  if (!INTEGRITY.test(integrity)) {
    throw new UsageError('INVALID_SPEC', `${fileName}: not an integrity string with exactly one strong hash`, {
      hint: 'write sha256-<base64>, as `openssl dgst -sha256 -binary FILE | base64` prints it',
    });
  }
  const algorithm = integrity.slice(0, 6) as 'sha256' | 'sha384' | 'sha512';
  const hash = ssri.create({ algorithms: [algorithm], strict: true });
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest().toString();
  if (actual !== integrity) {
    throw new IntegrityError('DIGEST_MISMATCH', `${fileName}: is ${actual}, but the release pins ${integrity}`, {
      hint: 'the file changed since it was pinned; check it, then update `integrity` in release.yaml',
      details: { file: fileName, expected: integrity, actual },
    });
  }
}
