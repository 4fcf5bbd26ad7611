// Where on the server the machines' messages go. The version is part of the path: a server that speaks a second version
// keeps the first one until no machine uses it. Fields may be added within a version, so both sides ignore what they do not know.

export const REGISTER_PATH = '/api/v1/machines';
export const CHECK_IN_PATH = '/api/v1/check-in';
/** The folder of a TUF repository, when the server serves one. */
export const REPOSITORY_PATH = '/repository/';

/** The server reads no longer message of a machine. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
