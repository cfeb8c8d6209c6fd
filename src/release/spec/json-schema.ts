/** The JSON Schema of `release.yaml`, for editors that complete and check while one types. */
import * as z from 'zod';
import { SpecDocument } from './spec-schema.ts';

/** Where the schema is published; `$schema` hints in a release.yaml point to it or to the copy in docs/. */
const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/release-v1.schema.json';

/** The schema as JSON text with a newline at the end: what docs/release.schema.json holds. */
export function formatSpecSchema(): string {
  const schema = z.toJSONSchema(SpecDocument, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Release', ...schema }, null, 2)}\n`;
}
