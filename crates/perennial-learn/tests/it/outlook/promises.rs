//! What an outlook promises besides coverage: one answer whoever is beside, the same bytes, sound files, and refusals in words.
