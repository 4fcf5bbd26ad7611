// placeholder
import type { CompileDatabase } from './compile-database.js';
export async function indexIncludes(_directory: string, _database: CompileDatabase): Promise<object> {
  return {};
}
