/**
 * Names of tenants.
 *
 * @module
 */

/** A name that can be a directory, a label and a part of SQL. */
export const TENANT_NAME = /^[a-z0-9][a-z0-9_-]{0,47}$/;
/** The names that match, for people. */
export const TENANT_NAME_EXPECTED = "up to 48 small letters, digits, - and _, a letter or digit first";
