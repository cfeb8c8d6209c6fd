/** Patterns for images: what they match, and that none reaches a host it does not name. */
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../src/errors.ts';
import { matchesImage, parseImagePattern } from '../../src/oci/image-pattern.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { processorTimeOf } from '../helpers/processor-time.ts';

const matches = (pattern: string, reference: string): boolean =>
  matchesImage(parseImagePattern(pattern), parseReference(reference));

describe('a pattern', () => {
  it.each([
    ['*', 'nginx'],
    ['*', 'registry.internal:5000/a/b/c:1'],
    ['ghcr.io/acme/*', 'ghcr.io/acme/app:1.0'],
    ['ghcr.io/acme/*', `ghcr.io/acme/team/app@sha256:${'a'.repeat(64)}`],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app:any'],
    ['ghcr.io/*/app', 'ghcr.io/acme/team/app'],
    ['ghcr.io/a*c*e/app-*', 'ghcr.io/abcde/app-1'],
    ['*.example.com/*', 'registry.example.com/app'],
    ['*.example.com:5000/*', 'a.b.example.com:5000/app'],
    ['*/acme/*', 'ghcr.io/acme/app'],
    ['docker.io/library/*', 'nginx'],
    ['index.docker.io/*', 'acme/app'],
    ['docker.io/acme/*', 'registry-1.docker.io/acme/app'],
    ['localhost/*', 'localhost/app'],
    ['[::1]:5000/*', '[::1]:5000/app'],
  ])('%s is for %s', (pattern, reference) => {
    expect(matches(pattern, reference)).toBe(true);
  });

  it.each([
    ['ghcr.io/acme/*', 'ghcr.io.evil.com/acme/app'],
    ['ghcr.io/*', 'ghcr.io.evil.com/app'],
    ['ghcr.io/acme/*', 'evil.com/ghcr.io/acme/app'],
    ['ghcr.io/acme/*', 'ghcr.io/acme-evil/app'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app2'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app/more'],
    ['ghcr.io/ab*ba', 'ghcr.io/aba'],
    ['*.example.com/*', 'example.com/app'],
    ['*.example.com/*', 'evil-example.com/app'],
    ['*.example.com/*', 'registry.example.com.evil.com/app'],
    ['registry.internal/*', 'registry.internal:5000/app'],
    ['docker.io/library/*', 'acme/app'],
  ])('%s is not for %s', (pattern, reference) => {
    expect(matches(pattern, reference)).toBe(false);
  });

  it.each([
    ['the case of the host', 'GHCR.IO/acme/app'],
    ['the port that is meant anyway', 'ghcr.io:443/acme/app'],
  ])('cannot be evaded by %s', (_, reference) => {
    expect(matches('ghcr.io/acme/*', reference)).toBe(true);
    expect(matches('GHCR.io:443/acme/*', reference)).toBe(true);
  });

  it('takes no longer, however many stars it has', async () => {
    const pattern = parseImagePattern(`ghcr.io/${'a*'.repeat(200)}b`);
    const reference = parseReference(`ghcr.io/${'a'.repeat(250)}`);
    expect(await processorTimeOf(() => expect(matchesImage(pattern, reference)).toBe(false))).toBeLessThan(100);
  });

  it.each([
    ['ghcr.io*', 'other hosts would match too', ''],
    ['ghcr.io*/acme/*', 'other hosts would match too', ''],
    ['gh*.io/acme/*', 'other hosts would match too', ''],
    ['*example.com/*', 'other hosts would match too', ''],
    ['ghcr.io', 'it names no repository', 'did you mean ghcr.io/*?'],
    ['acme/*', 'it begins with no host', 'did you mean docker.io/acme/*?'],
    ['nginx', 'it begins with no host', 'did you mean docker.io/library/nginx?'],
    ['**', 'it begins with no host', 'did you mean *?'],
    ['ghcr.io/acme/app:1.0', 'it names a tag or a digest', 'did you mean ghcr.io/acme/app?'],
    ['ghcr.io/acme/*@sha256:0', 'it names a tag or a digest', 'did you mean ghcr.io/acme/*?'],
    ['ghcr.io/Acme/', 'it is not a repository', 'did you mean ghcr.io/acme/*?'],
    ['ghcr.io//app', 'it is not a repository', ''],
    ['docker.io/nginx', 'below library/', 'did you mean docker.io/library/nginx?'],
    ['https://ghcr.io/acme/*', 'a pattern has no scheme', ''],
    ['', 'it begins with no host', ''],
    ['-ghcr.io/acme/*', 'is not a host name', ''],
    [`ghcr.io/${'a'.repeat(600)}`, 'longer than 512', ''],
  ])('%s is refused: %s', (pattern, reason, hint) => {
    expect.assertions(3);
    try {
      parseImagePattern(pattern);
    } catch (error) {
      expect(error).toBeInstanceOf(AirgapError);
      expect((error as AirgapError).message).toContain(reason);
      expect((error as AirgapError).hint).toContain(hint === '' ? 'a pattern is * for all images' : hint);
    }
  });
});

it('that begins with a slash begins with no host, whatever follows', () => {
  expect(() => parseImagePattern('/ghcr.io')).toThrow('it begins with no host');
});
