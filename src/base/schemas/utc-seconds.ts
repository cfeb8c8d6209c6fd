/** A moment in a document: `YYYY-MM-DDThh:mm:ssZ`; that it exists is checked where the document is read. */
import * as z from 'zod';

export const UtcSeconds: z.ZodString = z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/);
