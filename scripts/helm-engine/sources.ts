/** What the engine is built from, as one digest, and whether a built engine is of these sources: an older one is not shipped. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What build.sh makes. */
export const ENGINE_FILES = ['helm-engine.json', 'helm-engine.wasm.zst', 'helm-engine.notices.txt'] as const;

/** The digest of the Go sources and of the modules they are built with. */
export function digestSources(): string {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(new URL(file, import.meta.url)));
  return `sha256:${hash.digest('hex')}`;
}

/** Whether the folder has a whole engine that was built from these sources. */
export function isOfTheseSources(folder: string): boolean {
  if (!ENGINE_FILES.every((file) => existsSync(join(folder, file)))) return false;
  const { sources } = JSON.parse(readFileSync(join(folder, ENGINE_FILES[0]), 'utf8')) as { readonly sources?: string };
  return sources === digestSources();
}
