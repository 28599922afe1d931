//! The frame of a zip archive whose files are stored as they are (PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3).
//!
//! Without compression, since weights hardly are compressible; without a date, so that the same run gives the same
//! bytes. Zip64 only where a file, or where it lies, is beyond 4 GiB: not every reader knows it.

/// Version 1.0, and 4.5, which has zip64.
const VERSION: u16 = 10;
const VERSION_OF_ZIP64: u16 = 45;
/// Made on Unix, and there a plain file that its owner may write and others may read.
const MADE_ON_UNIX: u16 = 3 << 8;
const PLAIN_FILE: u32 = 0o100_644 << 16;
/// Names are UTF-8.
const UTF_8: u16 = 1 << 11;
const STORED: u16 = 0;
/// 1980-01-01, the first that there is.
const TIME: u16 = 0;
const DATE: u16 = 0x21;
/// The tag of what zip64 adds.
const ZIP64: u16 = 1;

/// A file of an archive.
pub(super) struct Entry {
    pub(super) name: String,
    /// Where its header begins.
    pub(super) at: u64,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl Entry {
    /// What stands before the file.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let extra = match is_wide(self.bytes) {
            true => zip64(&[self.bytes, self.bytes]),
            false => Vec::new(),
        };
        let mut header = b"PK\x03\x04".to_vec();
        self.put_common(&mut header, self.version(is_wide(self.bytes)), &extra);
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// What the directory says of it.
    fn central_header(&self) -> Vec<u8> {
        let sizes = [self.bytes; 2].into_iter().filter(|it| is_wide(*it));
        let wide: Vec<u64> = sizes.chain(is_wide(self.at).then_some(self.at)).collect();
        let extra = if wide.is_empty() { Vec::new() } else { zip64(&wide) };
        let version = self.version(!wide.is_empty());
        let mut header = b"PK\x01\x02".to_vec();
        put_16(&mut header, &[MADE_ON_UNIX | version]);
        self.put_common(&mut header, version, &extra);
        // No comment, on the first disk, of no kind.
        put_16(&mut header, &[0, 0, 0]);
        put_32(&mut header, &[PLAIN_FILE, narrow(self.at)]);
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }

    fn version(&self, has_zip64: bool) -> u16 {
        if has_zip64 { VERSION_OF_ZIP64 } else { VERSION }
    }

    fn put_common(&self, header: &mut Vec<u8>, version: u16, extra: &[u8]) {
        let flags = if self.name.is_ascii() { 0 } else { UTF_8 };
        put_16(header, &[version, flags, STORED, TIME, DATE]);
        put_32(header, &[self.crc32, narrow(self.bytes), narrow(self.bytes)]);
        put_16(header, &[self.name.len() as u16, extra.len() as u16]);
    }
}

/// What stands behind the files, where they end.
pub(super) fn directory(entries: &[Entry], at: u64) -> Vec<u8> {
    let mut directory: Vec<u8> = entries.iter().flat_map(Entry::central_header).collect();
    let (bytes, count) = (directory.len() as u64, entries.len() as u64);
    let few = u16::try_from(count).unwrap_or(u16::MAX);
    if few == u16::MAX || is_wide(bytes) || is_wide(at) {
        directory.extend(end_of_zip64(count, bytes, at));
    }
    directory.extend(b"PK\x05\x06");
    put_16(&mut directory, &[0, 0, few, few]);
    put_32(&mut directory, &[narrow(bytes), narrow(at)]);
    put_16(&mut directory, &[0]);
    directory
}

/// The end of the directory in wide numbers, and where it is.
fn end_of_zip64(count: u64, bytes: u64, at: u64) -> Vec<u8> {
    const REST_BYTES: u64 = 44;
    let mut end = b"PK\x06\x06".to_vec();
    put_64(&mut end, &[REST_BYTES]);
    put_16(&mut end, &[MADE_ON_UNIX | VERSION_OF_ZIP64, VERSION_OF_ZIP64]);
    put_32(&mut end, &[0, 0]);
    put_64(&mut end, &[count, count, bytes, at]);
    end.extend(b"PK\x06\x07");
    put_32(&mut end, &[0]);
    put_64(&mut end, &[at + bytes]);
    put_32(&mut end, &[1]);
    end
}

fn zip64(wide: &[u64]) -> Vec<u8> {
    let mut extra = Vec::new();
    put_16(&mut extra, &[ZIP64, 8 * wide.len() as u16]);
    put_64(&mut extra, wide);
    extra
}

/// Whether a number needs zip64.
fn is_wide(number: u64) -> bool {
    narrow(number) == u32::MAX
}

/// The number, or what says that zip64 tells it.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn put_16(out: &mut Vec<u8>, numbers: &[u16]) {
    out.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
}

fn put_32(out: &mut Vec<u8>, numbers: &[u32]) {
    out.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
}

fn put_64(out: &mut Vec<u8>, numbers: &[u64]) {
    out.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
}
