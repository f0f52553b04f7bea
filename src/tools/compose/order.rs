//! Who comes before whom: services after those that they need.

use std::collections::BTreeMap;

use crate::engine::projects::Member;

/// The place of each service of one project: higher than that of each service that it needs. In a circle (labels can say
/// anything) nobody is before all others; its members get some place, and the same one each time.
#[derive(Debug, Default)]
pub(super) struct Order(BTreeMap<String, usize>);

impl Order {
    /// By what the labels of these containers say.
    pub(super) fn of<'a>(members: impl Iterator<Item = &'a Member> + Clone) -> Self {
        let mut places: BTreeMap<String, usize> =
            members.clone().map(|member| (member.service.clone(), 0)).collect();
        let last = places.len();
        for _ in 0..last {
            let mut moved = false;
            for member in members.clone() {
                let needed = member.needs.iter().filter(|(needed, _)| *needed != member.service);
                let above = needed.filter_map(|(needed, _)| places.get(needed)).max().map_or(0, |at| at + 1);
                if let Some(at) = places.get_mut(&member.service)
                    && *at < above.min(last)
                {
                    *at = above.min(last);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        Self(places)
    }

    /// The place of a service.
    pub(super) fn place(&self, service: &str) -> usize {
        self.0.get(service).copied().unwrap_or(0)
    }

    /// The first is there before the second, and not in a circle with it.
    pub(super) fn before(&self, first: &str, second: &str) -> bool {
        self.place(first) < self.place(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::projects::Until;
    use crate::engine::raw;
    use crate::engine::snapshot::Seen;
    use crate::policy::Container;

    fn member(service: &str, needs: &[&str]) -> Member {
        Member {
            seen: Seen { identity: Container::default(), raw: raw::Container::default() },
            project: "p".into(),
            service: service.into(),
            number: 1,
            one_off: false,
            needs: needs.iter().map(|n| ((*n).to_owned(), Until::Started)).collect(),
        }
    }

    #[test]
    fn what_is_needed_comes_first() {
        let all = [
            member("web", &["api", "cache"]),
            member("api", &["db", "gone"]),
            member("db", &[]),
            member("cache", &[]),
        ];
        let order = Order::of(all.iter());
        let places = ["db", "cache", "api", "web", "gone"].map(|s| order.place(s));
        assert_eq!(places, [0, 0, 1, 2, 0]);
        assert!(order.before("db", "web") && !order.before("cache", "db"));
    }

    #[test]
    fn a_circle_ends() {
        let all = [member("a", &["b"]), member("b", &["a"]), member("c", &["c"]), member("d", &["a"])];
        let order = Order::of(all.iter());
        assert_eq!(order.place("c"), 0);
        assert!(order.place("d") <= 4 && order.place("a") <= 4);
    }
}
