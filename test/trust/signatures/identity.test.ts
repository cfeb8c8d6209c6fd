/** Whose identity is meant, and whose is not. */
import { describe, expect, it, test } from 'vitest';
import { Identity } from '../../../src/trust/signatures/identity-schema.ts';
import { signerFingerprint, matchesIdentity, matchesPattern } from '../../../src/trust/signatures/identity.ts';
import { processorTimeOf } from '../../helpers/processor-time.ts';

const issuer = 'https://issuer.example';

describe('a pattern', () => {
  test.each([
    ['https://ci.example/acme/*/release.yml@refs/tags/*', 'https://ci.example/acme/app/release.yml@refs/tags/v1'],
    ['https://ci.example/acme/**', 'https://ci.example/acme/app/a/b/c'],
    ['*@acme.example', 'anna@acme.example'],
    ['https://ci.example/**/release.yml', 'https://ci.example/a/release.yml/release.yml'],
    ['ci*example', 'ciexample'],
    ['a.b*', 'a.bc'],
  ])('%s means %s', (pattern, subject) => {
    expect(matchesPattern(pattern, subject)).toBe(true);
  });

  test.each([
    ['https://ci.example/acme/*', 'https://ci.example/acme/app/evil', 'a wildcard ends at a slash'],
    ['https://ci.example/acme/*', 'xhttps://ci.example/acme/app', 'it is anchored at the beginning'],
    ['*@acme.example', 'anna@acme.example.evil', 'it is anchored at the end'],
    ['a.b*', 'axbc', 'a dot is a dot'],
    ['https://ci.example/acme/app*', 'https://CI.example/acme/app1', 'letters are compared as they are'],
  ])('%s does not mean %s: %s', (pattern, subject) => {
    expect(matchesPattern(pattern, subject)).toBe(false);
  });

  it('takes no longer for a hostile one', async () => {
    const pattern = `${'**a'.repeat(100)}b`;
    const time = await processorTimeOf(() => expect(matchesPattern(pattern, 'a'.repeat(512))).toBe(false));
    expect(time).toBeLessThan(1_000);
  });
});

describe('an identity', () => {
  it('is compared by issuer and subject', () => {
    const exact = { issuer, subject: 'anna@acme.example' };
    expect(matchesIdentity(exact, exact)).toBe(true);
    expect(matchesIdentity(exact, { ...exact, issuer: `${issuer}/` })).toBe(false);
    expect(matchesIdentity(exact, { ...exact, subject: 'Anna@acme.example' })).toBe(false);
    expect(matchesIdentity({ issuer, subjectPattern: '*@acme.example' }, exact)).toBe(true);
    expect(matchesIdentity({ issuer: 'https://other.example', subjectPattern: '*@acme.example' }, exact)).toBe(false);
  });

  it('has an id that cannot be shifted from one field to the other', () => {
    expect(signerFingerprint({ issuer: 'a', subject: 'bc' })).not.toBe(
      signerFingerprint({ issuer: 'ab', subject: 'c' }),
    );
    expect(signerFingerprint({ issuer, subject: 'x' })).toMatch(/^[a-f0-9]{64}$/);
  });

  test.each<[object, string]>([
    [{ issuer: 'issuer.example', subject: 'x' }, 'an issuer that is no URL'],
    [{ issuer, subject: 'a*' }, 'a wildcard in an exact subject'],
    [{ issuer, subjectPattern: 'abc' }, 'a pattern without a wildcard'],
    [{ issuer, subjectPattern: '**' }, 'a pattern for everybody'],
    [{ issuer, subjectPattern: '*/*' }, 'another pattern for everybody'],
    [{ issuer }, 'nobody'],
    [{ issuer, subject: 'x', subjectPattern: 'abcd*' }, 'both'],
    [{ issuer, subject: 'a b' }, 'a space'],
    [{ issuer, subject: 'a\u202eb' }, 'a mark that turns text around'],
    [{ issuer, subject: 'x'.repeat(513) }, 'too long a subject'],
    [{ issuer, subject: 'x', role: 'release' }, 'an unknown field'],
  ])('%j is refused: %s', (identity, _) => {
    expect(Identity.safeParse(identity).success).toBe(false);
  });
});
