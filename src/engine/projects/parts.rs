//! From a project's name to what a call is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::policy::decide::Named;
use crate::policy::{Grant, Level, Rules, Target};

use super::super::Engine;
use super::super::budget::Budget;
use super::super::error::EngineError;
use super::super::snapshot::{Seen, View};
use super::{Member, NoProject, Part, only};

impl Engine {
    /// The containers of a project of which nothing is hidden; none where there is no such project yet.
    ///
    /// # Errors
    /// `NotFound` where the filters hide it, or one of its containers.
    pub(crate) async fn all_in_sight(
        &self,
        budget: &Budget,
        rules: &Rules,
        name: &str,
    ) -> Result<Vec<Member>, NoProject> {
        let view = self.first_view(budget, rules).await?;
        // Whoever makes a project anew makes all containers anew that wear its labels.
        let hidden = view.containers.hidden.iter().find(|h| h.identity.project.as_deref() == Some(name));
        let rule = rules.project(name).hidden_by("projects").or_else(|| Some(hidden?.rule.clone()));
        if rule.is_some() {
            return Err(NoProject::NotFound { asked: name.to_owned(), rule });
        }
        let all = view.containers.visible.iter().filter_map(Member::of);
        Ok(all.filter(|member| member.project == name).collect())
    }

    /// The project that was made from one of these files, or in one of these folders, as its labels say. Opens nothing.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(crate) async fn made_from(
        &self,
        budget: &Budget,
        rules: &Rules,
        (asked, places): (&str, &[PathBuf]),
    ) -> Result<String, NoProject> {
        let view = self.first_view(budget, rules).await?;
        let is = |member: &Member| {
            let folder = member.folder().map(Path::new);
            member.files().any(|file| places.iter().any(|place| Path::new(file) == place))
                || places.iter().any(|place| folder == Some(place))
        };
        let its = view.containers.visible.iter().filter_map(Member::of).filter(is);
        let names: BTreeSet<String> = its.map(|member| member.project).collect();
        match names.first() {
            None => Err(NoProject::NotFound { asked: asked.to_owned(), rule: None }),
            Some(only) if names.len() == 1 => Ok(only.clone()),
            Some(_) => Err(NoProject::Which(names.into_iter().collect())),
        }
    }

    /// Where a project lies that there is, as its labels say.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub(crate) async fn folder_of(
        &self,
        budget: &Budget,
        rules: &Rules,
        name: &str,
    ) -> Result<Option<PathBuf>, EngineError> {
        let view = self.first_view(budget, rules).await?;
        let its = view.containers.visible.iter().filter_map(Member::of).filter(|m| m.project == name);
        Ok(its.filter_map(|member| member.folder().map(PathBuf::from)).next())
    }

    /// What a project is made of, as far as the filters show it: hidden members are as if they were not there, and a
    /// project of which nothing else is left does not exist.
    ///
    /// # Errors
    /// As [`NoProject`].
    pub(crate) async fn of_project(
        &self,
        budget: &Budget,
        rules: &Rules,
        (name, services): (Option<&str>, &[String]),
        part: Part,
    ) -> Result<Vec<Named>, NoProject> {
        let view = self.first_view(budget, rules).await?;
        let all: Vec<Member> = view.containers.visible.iter().filter_map(Member::of).collect();
        let name = match name {
            Some(name) => name.to_owned(),
            None => only(&all)?,
        };
        let (mut its, mut chosen): (Vec<Member>, Vec<Member>) = (all, Vec::new());
        its.retain(|m| m.project == name);
        for member in &its {
            let wanted = services.is_empty() || services.contains(&member.service);
            if wanted && !(member.one_off && part == Part::Services) {
                chosen.push(member.clone());
            }
        }
        // A level for some names only says nothing of networks and volumes that no such name uses.
        let reaches =
            !chosen.is_empty() || rules.bypass || matches!(rules.level(Level::Lifecycle).grant, Grant::On);
        let rest = match part {
            Part::Everything { volumes } if reaches => {
                self.left_by(budget, rules, (&view, &name), &chosen, (services.is_empty(), volumes)).await?
            }
            _ => Vec::new(),
        };
        if its.is_empty() && rest.is_empty() {
            let hidden = view.containers.hidden.iter().find(|h| h.identity.project.as_ref() == Some(&name));
            let rule = rules.project(&name).hidden_by("projects").or_else(|| Some(hidden?.rule.clone()));
            return Err(NoProject::NotFound { asked: name, rule });
        }
        if let Some(missing) = services.iter().find(|s| chosen.iter().all(|m| m.service != **s)) {
            return Err(NoProject::NoService { project: name, asked: missing.clone() });
        }
        if part == Part::Itself {
            return Ok(Vec::new());
        }
        chosen.sort_by(|a, b| {
            let key = |m: &Member| (m.service.clone(), m.one_off, m.number, m.seen.identity.name.clone());
            key(a).cmp(&key(b))
        });
        let containers = chosen.into_iter().map(|m| Target::Container(m.seen.identity));
        Ok(containers.chain(rest).map(|target| Named { asked: target.label(), target }).collect())
    }

    /// Networks and volumes of a project that nobody uses once these containers are gone. With services named, only what
    /// these used: the rest may be for others.
    async fn left_by(
        &self,
        budget: &Budget,
        rules: &Rules,
        (view, project): (&View, &str),
        going: &[Member],
        (whole, volumes): (bool, bool),
    ) -> Result<Vec<Target>, EngineError> {
        let goes = |seen: &Seen| going.iter().any(|m| m.seen.identity.id == seen.identity.id);
        let free = |uses: &dyn Fn(&Seen) -> bool| {
            let users = || view.containers.visible.iter().filter(|seen| uses(seen));
            users().all(goes) && (whole || users().next().is_some())
        };
        let mut left = Vec::new();
        for (network, hidden) in self.network_candidates(budget, rules, Some(view)).await? {
            let on = |on: &str| on == network.id || on == network.name;
            let others = view.hidden_networks.iter().any(|name| on(name));
            let its = network.project.as_deref() == Some(project) && hidden.is_none() && !others;
            if its && free(&|seen| seen.raw.network_settings.on().any(on)) {
                left.push(Target::Network(network));
            }
        }
        if !volumes {
            return Ok(left);
        }
        for (volume, hidden) in self.volume_candidates(budget, rules, Some(view)).await? {
            let its = volume.project.as_deref() == Some(project) && hidden.is_none();
            if its && free(&|seen| seen.raw.mounts.iter().any(|m| m.name == volume.name)) {
                left.push(Target::Volume(volume));
            }
        }
        Ok(left)
    }
}
