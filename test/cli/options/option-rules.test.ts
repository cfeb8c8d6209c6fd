/** What options mean together: which belong to one another, and which exclude one another. */
import { describe, expect, test } from 'vitest';
import { readDiscovery } from '../../../src/cli/options/discovery-options.ts';
import { readTrustIdentity } from '../../../src/cli/options/identity-options.ts';
import { readTerms } from '../../../src/cli/options/trust-options.ts';
import { generateKeyPair } from '../../../src/trust/keys/public-key.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { writeFile } from 'node:fs/promises';
import { useTempDir } from '../../helpers/temp.ts';

const ISSUER = 'https://issuer.example';
const none = { issuer: undefined, subject: undefined, subjectPattern: undefined };
const signal = new AbortController().signal;

describe('an identity', () => {
  test('is an issuer with a subject, or with a pattern of subjects', () => {
    expect(readTrustIdentity({ ...none, issuer: ISSUER, subject: 'a@b.example' })).toEqual({
      issuer: ISSUER,
      subject: 'a@b.example',
    });
    const subjectPattern = 'https://git.example/team/*';
    expect(readTrustIdentity({ ...none, issuer: ISSUER, subjectPattern })).toEqual({ issuer: ISSUER, subjectPattern });
  });

  test.each([
    ['nothing', none],
    ['a subject alone', { ...none, subject: 'a@b.example' }],
    ['a pattern alone', { ...none, subjectPattern: 'https://git.example/*' }],
    ['an issuer alone', { ...none, issuer: ISSUER }],
    ['both', { issuer: ISSUER, subject: 'a@b.example', subjectPattern: 'https://git.example/*' }],
  ])('is not %s', (_, options) => {
    expect(() => readTrustIdentity(options)).toThrow(
      'an identity is --issuer with either --subject or --subject-pattern',
    );
  });

  test.each([
    [{ ...none, issuer: ISSUER, subject: '*' }, '--subject takes no wildcard: *'],
    [{ ...none, issuer: 'issuer.example', subject: 'a@b.example' }, '--issuer with --subject: '],
    [
      { ...none, issuer: 'issuer.example', subjectPattern: 'https://git.example/*' },
      '--issuer with --subject-pattern: ',
    ],
  ])('that is none names the options that say so: %j', (options, message) => {
    expect(() => readTrustIdentity(options)).toThrow(message);
  });
});

describe('what is trusted', () => {
  const temp = useTempDir();
  const options = {
    key: [] as string[],
    certificateIdentity: undefined,
    certificateOidcIssuer: undefined,
    trustedRoot: undefined,
    threshold: undefined,
    trust: undefined,
    state: undefined,
    expectDigest: undefined,
    allowRollbackTo: undefined,
  };
  type Given = Parameters<typeof readTerms>[0];
  const now = (): Date => new Date('2027-01-31T00:00:00Z');

  test.each([
    ['nothing', {}, 'no key to verify with'],
    ['a document and keys', { trust: 't', key: ['k'] }, 'give --trust, or --key with --threshold, not both'],
    ['a document and a number', { trust: 't', threshold: 1 }, 'give --trust, or --key with --threshold, not both'],
    ['a subject alone', { certificateIdentity: 'a' }, 'an identity needs --certificate-identity'],
    ['an issuer alone', { certificateOidcIssuer: ISSUER }, 'an identity needs --certificate-identity'],
    ['a root alone', { trustedRoot: 'r' }, 'an identity needs --certificate-identity'],
    [
      'an exception that nothing records',
      { key: ['k'], allowRollbackTo: sha256('a') },
      '--allow-rollback-to needs --state',
    ],
  ])('%s is refused before a file is opened', async (_, given, message) => {
    await expect(readTerms({ ...options, ...given } as unknown as Given, { now, signal })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(message) as string,
    });
  });

  test('an exception is taken where a state records it, and one signature is enough unless more are demanded', async () => {
    const path = temp.join('release.pub');
    const { publicKey } = generateKeyPair('ed25519');
    await writeFile(path, publicKey.export({ type: 'spki', format: 'pem' }));
    const given = { ...options, key: [path], state: temp.join('state'), allowRollbackTo: sha256('a') };
    const terms = await readTerms(given as unknown as Given, { now, signal });
    expect(terms).toMatchObject({ exceptionFor: sha256('a'), state: temp.join('state'), anchor: { threshold: 1 } });
    const two = await readTerms({ ...given, threshold: 2 } as unknown as Given, { now, signal });
    expect(two.anchor).toMatchObject({ threshold: 2 });
  });
});

test('charts are rendered unless --no-render says otherwise', () => {
  expect(readDiscovery({ env: {}, signal }, { noRender: false, suspects: 'warn' })).toMatchObject({
    render: true,
    suspects: 'warn',
    openRenderer: expect.any(Function) as unknown,
  });
  expect(readDiscovery({ env: {}, signal }, { noRender: true })).toEqual({
    render: false,
    suspects: undefined,
    openRenderer: undefined,
  });
});
