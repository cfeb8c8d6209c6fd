/** A path that a person writes in a release.yaml. */
import * as z from 'zod';
import { isPortablePath } from '../portable-path.ts';

const MAX_PATH = 512;

/** A path below the directory of the file, written with forward slashes. */
export const PathText: z.ZodString = z.string().min(1).max(MAX_PATH).refine(isPortablePath, {
  error: 'must be a plain path below the directory of this file, such as manifests/app.yaml',
});
