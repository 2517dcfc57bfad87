//! Forward processes: VE, VP and sub-VP.
