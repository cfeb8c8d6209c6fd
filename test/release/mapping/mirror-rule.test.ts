import { expect, test } from 'vitest';
import { formatReference, parseReference } from '../../../src/oci/reference.ts';
import { parseMirror, throughMirror } from '../../../src/release/mapping/mirror-rule.ts';

test('a rule moves the registry and keeps repository, tag and digest', () => {
  const rules = [parseMirror('registry.example=127.0.0.1:5000/cache'), parseMirror('docker.io=mirror.internal')];
  const through = (text: string): string => formatReference(throughMirror(parseReference(text), rules));
  expect(through('registry.example/team/app:1.0')).toBe('127.0.0.1:5000/cache/team/app:1.0');
  expect(through('postgres:16')).toBe('mirror.internal/library/postgres:16');
  expect(through('other.example/app:1')).toBe('other.example/app:1');
});

test.each([
  'registry.example',
  '=a.example',
  'a.example=',
  'a.example=b.example=c',
  'a.example=B.example/UP',
  'name=b.example',
])('refuses %s', (text) => {
  expect(() => parseMirror(text)).toThrow(/not a mirror rule/);
});
