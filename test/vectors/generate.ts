/** Writes docs/vectors/vectors.json anew: `node test/vectors/generate.ts`. The same recipes give the same bytes. */
import { writeFile } from 'node:fs/promises';
import { makeVectors, serializeVectors } from './recipes.ts';

await writeFile(new URL('../../docs/vectors/vectors.json', import.meta.url), serializeVectors(await makeVectors()));
