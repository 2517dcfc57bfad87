//! Probes of a frozen representation: linear, MLP, kNN, and the protocol that every score carries.
