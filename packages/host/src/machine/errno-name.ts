/** `ENOENT` of an error that the system gave; anything else is thrown again. */
export function errnoName(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}
