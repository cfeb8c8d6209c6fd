/** `imagePolicy` of a release.yaml: what is accepted, how it is normalised, and how every mistake is named. */
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../src/errors.ts';
import { loadSpec, parseSpec } from '../../../src/release/spec/spec.ts';
import { formatStarter } from '../../../src/release/spec/starter.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const HEAD = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.2.3
platforms: all
components: [{ name: app, images: [nginx] }]
`;
const withPolicy = (policy: string): string => `${HEAD}imagePolicy:\n${policy.replace(/^/gm, '  ')}\n`;

function messageOf(text: string): string {
  try {
    parseSpec(text, 'release.yaml');
  } catch (error) {
    expect((error as AirgapError).code).toBe('INVALID_SPEC');
    return (error as AirgapError).message;
  }
  throw new Error('was accepted');
}

it('is normalised and says where everything was written', () => {
  const { imagePolicy } = parseSpec(
    withPolicy(`- match: ghcr.io/acme/*
  threshold: 2
  signedBy:
    - key: ./keys/acme.pub
    - key: keys/second.pub
- match: '*'
  unsigned: allowed`),
    'release.yaml',
  );
  expect(imagePolicy).toEqual([
    {
      match: 'ghcr.io/acme/*',
      threshold: 2,
      signedBy: [
        { key: 'keys/acme.pub', at: 'release.yaml:11:9' },
        { key: 'keys/second.pub', at: 'release.yaml:12:9' },
      ],
      at: 'release.yaml:8:5',
    },
    { match: '*', threshold: 0, signedBy: [], at: 'release.yaml:13:5' },
  ]);
  expect(parseSpec(HEAD, 'release.yaml')).not.toHaveProperty('imagePolicy');
});

it('stands in the starter, and holds when it is uncommented', () => {
  const starter = formatStarter();
  const block = /^# imagePolicy:\n(#   .*\n)+/m.exec(starter)?.[0] ?? '';
  const { imagePolicy } = parseSpec(starter.replace(block, block.replaceAll(/^# /gm, '')), 'release.yaml');
  expect(imagePolicy?.map(({ match, threshold }) => [match, threshold])).toEqual([
    ['registry.example.com/team/*', 1],
    ['*', 0],
  ]);
});

describe('a mistake is named with place and suggestion', () => {
  it.each([
    ['no entry', '[]', '8:3: imagePolicy: must not be empty'],
    ['a mapping', 'match: "*"', '8:3: imagePolicy: expected a list, found a mapping'],
    [
      'an unknown field',
      "- match: '*'\n  unsinged: allowed",
      '9:5: imagePolicy[0]: unknown field "unsinged" (did you mean unsigned?)',
    ],
    [
      'a signer’s unknown field',
      "- match: '*'\n  signedBy: [{ keys: a.pub }]",
      'unknown field "keys" (did you mean key?)',
    ],
    ['no pattern', '- unsigned: allowed', '8:5: imagePolicy[0].match: is missing'],
    ['neither', "- match: '*'", '8:5: imagePolicy[0]: says neither signedBy nor `unsigned: allowed`'],
    [
      'both',
      "- match: '*'\n  unsigned: allowed\n  signedBy: [{ key: a.pub }]",
      'says both signedBy and `unsigned: allowed`',
    ],
    ['another word', "- match: '*'\n  unsigned: yes", '9:15: imagePolicy[0].unsigned: must be allowed'],
    ['nobody', "- match: '*'\n  signedBy: []", '9:15: imagePolicy[0].signedBy: must not be empty'],
    [
      'a threshold of none',
      "- match: '*'\n  signedBy: [{ key: a.pub }]\n  threshold: 0",
      'imagePolicy[0].threshold: must be at least 1',
    ],
    [
      'too high a threshold',
      "- match: '*'\n  signedBy: [{ key: a.pub }]\n  threshold: 2",
      'wants 2 signers and names 1',
    ],
    ['a threshold of nobody', "- match: '*'\n  unsigned: allowed\n  threshold: 1", 'wants 1 signers and names 0'],
    [
      'a path that leads out',
      "- match: '*'\n  signedBy: [{ key: ../a.pub }]",
      'must be a plain path below the directory',
    ],
    [
      'a key twice',
      "- match: '*'\n  signedBy: [{ key: a.pub }, { key: ./a.pub }]",
      'duplicate key a.pub, already in line 9',
    ],
    [
      'a pattern twice',
      "- match: '*'\n  unsigned: allowed\n- match: '*'\n  unsigned: allowed",
      '10:12: imagePolicy[1].match: duplicate pattern *, already in line 8',
    ],
    [
      'a pattern that would match other hosts',
      '- match: ghcr.io*/acme/*\n  unsigned: allowed',
      'imagePolicy[0].match: invalid pattern "ghcr.io*/acme/*": in the host, * may stand alone or before the first dot only, or other hosts would match too',
    ],
    ['a pattern without a host', '- match: acme/*\n  unsigned: allowed', '(did you mean docker.io/acme/*?)'],
  ])('%s', (_, policy, message) => {
    expect(messageOf(withPolicy(policy))).toContain(message);
  });

  it('a policy and `evidence: ignore`', () => {
    const text = withPolicy("- match: '*'\n  unsigned: allowed").replace('platforms:', 'evidence: ignore\nplatforms:');
    expect(messageOf(text)).toBe(
      'release.yaml:5:11: evidence: would leave behind the signatures that imagePolicy checks (write carry, or drop the imagePolicy)',
    );
  });

  it('a key that is not there', async () => {
    const directory = temp.join('missing');
    await mkdir(`${directory}/keys`, { recursive: true });
    await writeFile(`${directory}/keys/acme.pub`, '');
    await writeFile(`${directory}/release.yaml`, withPolicy("- match: '*'\n  signedBy: [{ key: keys/acne.pub }]"));
    await expect(loadSpec(`${directory}/release.yaml`)).rejects.toThrow(
      /release\.yaml:9:23: imagePolicy\[0\]\.signedBy\[0\]\.key: keys\/acne\.pub does not exist \(did you mean keys\/acme\.pub\?\)/,
    );
  });
});
