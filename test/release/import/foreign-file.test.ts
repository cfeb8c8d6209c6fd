/** Files of other tools are a stranger's: what is wrong is named with its line, what would cost too much is refused. */
import { describe, expect, test } from 'vitest';
import { parseForeignFile } from '../../../src/release/import/import-formats.ts';
import type { ImportFormat } from '../../../src/release/import/format-names.ts';

function refusal(
  text: string,
  from?: ImportFormat,
): { readonly code: string; readonly message: string; readonly hint?: string } {
  try {
    parseForeignFile(text, 'f.yaml', from);
  } catch (error) {
    return error as { code: string; message: string; hint?: string };
  }
  throw new Error('it was taken');
}

describe('what a file is', () => {
  test.each<readonly [string, string, RegExp]>([
    ['an empty file', '', /is empty/],
    ['a list of other things', '- a\n- b\n', /f\.yaml:1: is in no format that is known here/],
    ['a Kubernetes resource', 'apiVersion: v1\nkind: Pod\n', /is in no format/],
    ['text that is no YAML', 'a: [\n', /^f\.yaml:\d+:\d+/],
  ])('%s is none of another tool', (_, text, message) => {
    expect(refusal(text)).toMatchObject({ code: 'INVALID_SPEC', message: expect.stringMatching(message) as string });
  });

  test('the hint says what to do with it instead', () => {
    expect(refusal('apiVersion: v1\nkind: Pod\n').hint).toContain('`manifests`');
    expect(refusal('apiVersion: airgap.hexabase.ai/v1\nkind: Release\n').hint).toContain('airgap resolve');
    expect(refusal('a: 1\n').hint).toContain('--from');
  });

  test('--from is believed, and what does not fit is then named', () => {
    expect(parseForeignFile('services: {a: {image: x}}\n', 'f', 'zarf')).toMatchObject({
      components: [{ images: [] }],
      unexpressed: [{ at: 1, message: expect.stringContaining('services is not known here') as string }],
    });
    expect(parseForeignFile('a:1\n', 'f', 'images').components[0]?.images).toHaveLength(1);
  });

  test('a list with a bad line is a list still, and names the line', () => {
    expect(refusal('quay.io/a/b:1\nquay.io/a/b:1 x\nquay.io/a/c:1\n').message).toMatch(/^f\.yaml:2: /);
  });
});

describe('wrong types', () => {
  test.each<readonly [string, string, RegExp]>([
    [
      'text for a list',
      'kind: ZarfPackageConfig\ncomponents: yes\n',
      /^f\.yaml:2: components: expected a list, found plain text/,
    ],
    [
      'a list for text',
      'kind: ZarfPackageConfig\ncomponents:\n  - name: [a]\n',
      /^f\.yaml:3: components\[0\]\.name: expected text, found a list/,
    ],
    ['text for a mapping', 'services:\n  a: nginx\n', /^f\.yaml:2: services\.a: expected a mapping, found plain text/],
    ['an image that is none', 'services:\n  a: {image: "A B"}\n', /^f\.yaml:2: invalid reference/],
    ['nothing', 'sync:\n  - {source: , type: image}\n', /^f\.yaml:2: sync\[0\]\.source is missing/],
  ])('%s is named with its line', (_, text, message) => {
    expect(refusal(text)).toMatchObject({ code: 'INVALID_SPEC', message: expect.stringMatching(message) as string });
  });

  test('all are named at once, but not without end', () => {
    const services = Array.from({ length: 40 }, (_, index) => `  s${index}: x\n`).join('');
    const { message } = refusal(`services:\n${services}`);
    expect(message.split('\n').length).toBeLessThanOrEqual(22);
    expect(message).toContain('more');
  });

  test('names that JavaScript keeps for itself are names', () => {
    const { components } = parseForeignFile('services:\n  __proto__: {image: a}\n  constructor: {image: b}\n', 'f');
    expect(components[0]?.images.map(({ reference }) => reference)).toEqual(['a', 'b']);
  });
});

describe('what would cost too much', () => {
  test.each<readonly [string, string]>([
    [
      'aliases that double themselves',
      `a: &a [x, x]\n${'bcdefghij'.replace(/./g, (key) => `${key}: &${key} [*${String.fromCharCode(key.charCodeAt(0) - 1)}, *${String.fromCharCode(key.charCodeAt(0) - 1)}]\n`)}services: {}\n`,
    ],
    ['deep nesting', `services: ${'['.repeat(1000)}${']'.repeat(1000)}\n`],
    [
      'a mapping of thousands',
      `services:\n${Array.from({ length: 2_001 }, (_, index) => `  s${index}: {image: a}\n`).join('')}`,
    ],
    ['a text of more than a MiB', `services:\n${'  # filler\n'.repeat(120_000)}`],
  ])('%s is refused', (_, text) => {
    expect(refusal(text).code).toBe('INVALID_SPEC');
  });

  test('a list of hundreds of thousands of short lines is read in one pass', () => {
    const images = Array.from({ length: 100_000 }, (_, index) => `a/b:${index}`).join('\n');
    expect(parseForeignFile(images, 'f').components[0]?.images).toHaveLength(100_000);
  });
});
