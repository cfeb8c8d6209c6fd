/** Trusted roots: read as Sigstore's tools write them, pinned in one spelling only. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { PinnedTrustedRoot } from '../../../src/trust/signatures/pinned-root-schema.ts';
import { openAuthorities, parseTrustedRoot } from '../../../src/trust/signatures/pinned-root.ts';
import { startSigningServices, type SigningServices } from '../../helpers/signing-services.ts';
import { startTimestampAuthority, type TimestampAuthority } from '../../helpers/timestamp-authority.ts';
import { failure } from '../failures.ts';

let services: SigningServices;
let clock: TimestampAuthority;
let root: PinnedTrustedRoot;
beforeAll(async () => {
  services = await startSigningServices();
  clock = await startTimestampAuthority();
  root = { ...services.trustedRoot, timestampAuthorities: [clock.pinned] };
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await clock[Symbol.asyncDispose]();
});

const parse = (value: unknown): PinnedTrustedRoot => parseTrustedRoot(Buffer.from(JSON.stringify(value)), 'root.json');

describe('reading', () => {
  it('gives the canonical spelling, whatever the file spells', () => {
    const [ca] = root.certificateAuthorities ?? [];
    const start = ca?.validFor.start.replace(/\.\d+Z$/, 'Z') ?? '';
    const other = { later: 'unknown to us', ...root, certificateAuthorities: [{ ...ca, validFor: { start } }] };
    const parsed = parse(other);
    expect(parsed.certificateAuthorities?.[0]?.validFor.start).toBe(start.replace('Z', '.000Z'));
    expect(JSON.stringify(parse(parsed))).toBe(JSON.stringify(parsed));
  });

  it('opens what it read', () => {
    const authorities = openAuthorities(parse(root), 'root.json');
    expect(authorities.certificateAuthorities).toHaveLength(1);
    expect(authorities.tlogs).toHaveLength(1);
    expect(authorities.ctlogs).toHaveLength(1);
    expect(authorities.timestampAuthorities).toHaveLength(1);
    expect(() => authorities.publicKey('any')).toThrow('no key any');
  });

  test.each<[string, (it: PinnedTrustedRoot) => unknown]>([
    ['no JSON object', () => 'text'],
    ['another media type', (it) => ({ ...it, mediaType: 'application/json' })],
    ['an authority without a time', (it) => ({ ...it, certificateAuthorities: [{ ...first(it), validFor: {} }] })],
    ['no certificates', (it) => ({ ...it, certificateAuthorities: [{ ...first(it), certChain: {} }] })],
    [
      'a certificate that is none',
      (it) => ({ ...it, certificateAuthorities: [withCertificates(first(it), ['AAAA'])] }),
    ],
    [
      'a key that is none',
      (it) => ({ ...it, tlogs: [{ ...it.tlogs?.[0], publicKey: { ...it.tlogs?.[0]?.publicKey, rawBytes: 'AAAA' } }] }),
    ],
  ])('refuses %s', (_, change) => {
    expect(() => parse(change(root))).toThrow(failure('IntegrityError', 'MALFORMED', 'root.json'));
  });

  it('refuses what is no JSON, and what is too long', () => {
    expect(() => parseTrustedRoot(Buffer.from('{'), 'root.json')).toThrow(failure('IntegrityError', 'MALFORMED'));
    const long = Buffer.alloc(1024 * 1024 + 1, ' ');
    expect(() => parseTrustedRoot(long, 'root.json')).toThrow(failure('IntegrityError', 'MALFORMED', 'longer than'));
  });

  it('refuses a timestamp authority without its own certificate in front of its issuer', () => {
    const [leaf, issuer] = clock.pinned.certChain.certificates.map(({ rawBytes }) => rawBytes);
    for (const chain of [[leaf], [issuer], [issuer, leaf]]) {
      const pinned = withCertificates(clock.pinned, chain as string[]);
      expect(() => parse({ ...root, timestampAuthorities: [pinned] })).toThrow(
        failure('IntegrityError', 'MALFORMED', 'time-stamping certificate'),
      );
    }
  });
});

it('pins one spelling only', () => {
  const [log] = root.tlogs ?? [];
  const padded = { ...root, tlogs: [{ ...log, logId: { keyId: `${log?.logId.keyId ?? ''}=` } }] };
  expect(() => openAuthorities(padded as PinnedTrustedRoot, 'trust.json')).toThrow(
    failure('IntegrityError', 'MALFORMED', 'canonical'),
  );
  expect(PinnedTrustedRoot.safeParse({ ...root, more: 1 }).success).toBe(false);
});

type Authority = NonNullable<PinnedTrustedRoot['certificateAuthorities']>[number];

function first({ certificateAuthorities }: PinnedTrustedRoot): Authority {
  return (certificateAuthorities as Authority[])[0] as Authority;
}

function withCertificates(authority: Authority, certificates: readonly string[]): Authority {
  return { ...authority, certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) } };
}
