/** The version of the link, delivery and host protocols. A side that meets a newer major says "upgrade". */
export const PROTOCOL_VERSION = 2;
