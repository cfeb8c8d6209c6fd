/** Helm's engine as a file: found beside the program, compared with its digest, unpacked and compiled. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import * as z from 'zod';
import { readIfThere } from '../../../base/files/read-file.ts';
import { parseJson } from '../../../base/json/parse-json.ts';
import { IntegrityError } from '../../../errors.ts';
import { isDigest, sha256, type Digest } from '../../../oci/digest.ts';
import { limitMemory } from './memory-limit.ts';
import { wasm, type WasmModule } from './webassembly.ts';

/** What scripts/helm-engine/build.sh makes. */
export const ENGINE_FILES = { description: 'helm-engine.json', module: 'helm-engine.wasm.zst' } as const;

const MAX_DESCRIPTION_BYTES = 64 * 1024;
const MAX_PACKED_BYTES = 64 * 1024 * 1024;
const MAX_MODULE_BYTES = 256 * 1024 * 1024;
/** Beside the bundle that this is part of. */
const OWN_FOLDER = fileURLToPath(new URL('.', import.meta.url));

const Description = z.strictObject({
  helm: z.string().regex(/^[0-9]+\.[0-9]+\.[0-9]+$/),
  digest: z.custom<Digest>(isDigest),
  size: z.int().positive().max(MAX_MODULE_BYTES),
  /** Of the Go sources; for people who want to build it themselves. */
  sources: z.custom<Digest>(isDigest),
});

/** The engine, ready for any number of runs. */
export interface EngineModule {
  /** Helm's version. */
  readonly helm: string;
  readonly module: WasmModule;
}

/**
 * The engine in a folder; undefined where there is none.
 * @throws IntegrityError `MALFORMED` or `DIGEST_MISMATCH` for one that is not what was built.
 */
export async function openEngineModule(
  maxMemoryBytes: number,
  folder: string = OWN_FOLDER,
): Promise<EngineModule | undefined> {
  const path = join(folder, ENGINE_FILES.module);
  const read = (file: string, limit: number): Promise<Buffer | undefined> =>
    readIfThere(join(folder, file), { what: 'the engine that renders charts', limit });
  const text = await read(ENGINE_FILES.description, MAX_DESCRIPTION_BYTES);
  const packed = await read(ENGINE_FILES.module, MAX_PACKED_BYTES);
  if (text === undefined || packed === undefined) return undefined;
  const { helm, digest, size } = parseDescription(text, path);
  if (sha256(packed) !== digest) throw damaged('DIGEST_MISMATCH', `${path} is not ${digest}`);
  return { helm, module: await wasm.compile(limitMemory(await unpack(packed, size, path), maxMemoryBytes)) };
}

async function unpack(packed: Buffer, size: number, path: string): Promise<Buffer> {
  try {
    return await promisify(zstdDecompress)(packed, { maxOutputLength: size });
  } catch (error) {
    throw damaged('MALFORMED', `${path} does not unpack to ${size} bytes`, error);
  }
}

function parseDescription(text: Buffer, path: string): z.infer<typeof Description> {
  try {
    return Description.parse(parseJson(text, { maxBytes: MAX_DESCRIPTION_BYTES }));
  } catch (error) {
    throw damaged('MALFORMED', `${path}: its description is not what the build wrote`, error);
  }
}

function damaged(code: 'MALFORMED' | 'DIGEST_MISMATCH', message: string, cause?: unknown): IntegrityError {
  return new IntegrityError(code, message, { hint: 'install hexabase-airgap again', cause });
}
